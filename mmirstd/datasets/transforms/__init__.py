"""Steps of data pipelines. Importing this package registers them in ``mmirstd.registry``."""

from mmirstd.datasets.transforms.geometry import RandomScaleCropPad, ResizeToSquare
from mmirstd.datasets.transforms.loading import BinarizeMask, LoadIRImage, LoadMask
from mmirstd.datasets.transforms.photometric import DivideByMaximum, RandomGaussianBlur

__all__ = [
    'BinarizeMask',
    'DivideByMaximum',
    'LoadIRImage',
    'LoadMask',
    'RandomGaussianBlur',
    'RandomScaleCropPad',
    'ResizeToSquare',
]
