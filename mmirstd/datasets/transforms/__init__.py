"""Steps of data pipelines. Importing this package registers them in ``mmirstd.registry``."""

from mmirstd.datasets.transforms.geometry import RandomScaleCropPad, ResizeToSquare
from mmirstd.datasets.transforms.loading import BinarizeMask, LoadIRImage, LoadMask

__all__ = ['BinarizeMask', 'LoadIRImage', 'LoadMask', 'RandomScaleCropPad', 'ResizeToSquare']
