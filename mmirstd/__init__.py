"""Infrared small target detection and segmentation as an MMSegmentation plugin.

Importing the package has no side effect. Components register when a config names one of them
(``type='mmirstd.X'`` makes MMEngine import :mod:`mmirstd.registry`). From then on MMEngine's
loaders of checkpoints are safe ones, and ``--amp`` works on the CPU; docs/how_to/install.md says
how to keep the stock ones.
"""

from mmirstd.configs import config_path
from mmirstd.version import __version__

__all__ = ['__version__', 'config_path']
