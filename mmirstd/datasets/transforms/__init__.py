"""Steps of data pipelines. Importing this package registers them in ``mmirstd.registry``."""

from mmirstd.datasets.transforms.cached import CachedSteps
from mmirstd.datasets.transforms.geometry import RandomScaleCropPad, ResizeToSquare
from mmirstd.datasets.transforms.loading import BinarizeMask, LoadIRImage, LoadMask
from mmirstd.datasets.transforms.originals import PadToSize, RandomLongSide, RandomPatch
from mmirstd.datasets.transforms.paste_targets import PasteTargets
from mmirstd.datasets.transforms.photometric import (
    DivideByMaximum,
    RandomGaussianBlur,
    RandomIntensity,
)
from mmirstd.datasets.transforms.standardize import StandardizeImage
from mmirstd.datasets.transforms.symmetry import RandomSymmetry
from mmirstd.datasets.transforms.target_crop import RandomTargetCrop

__all__ = [
    'BinarizeMask',
    'CachedSteps',
    'DivideByMaximum',
    'LoadIRImage',
    'LoadMask',
    'PadToSize',
    'PasteTargets',
    'RandomGaussianBlur',
    'RandomIntensity',
    'RandomLongSide',
    'RandomPatch',
    'RandomScaleCropPad',
    'RandomSymmetry',
    'RandomTargetCrop',
    'ResizeToSquare',
    'StandardizeImage',
]
