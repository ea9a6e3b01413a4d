"""Infrared small target detection and segmentation as an MMSegmentation plugin.

Importing the package has no side effect. Components register when a config names one of them
(``type='mmirstd.X'`` makes MMEngine import :mod:`mmirstd.registry`).
"""

from mmirstd.version import __version__

__all__ = ['__version__']
