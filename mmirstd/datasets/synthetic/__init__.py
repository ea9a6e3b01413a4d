"""Procedural infrared scenes with tiny targets and exact ground truth (pure numpy and scipy).

What is modelled, and what is not, is described in docs/explanation/synthetic.md.
"""

from .backgrounds import BACKGROUNDS
from .scene import GENERATOR_VERSION, Scene, SceneConfig, SceneTarget, generate_scene
from .targets import local_scr
from .writer import WRITTEN_LAYOUTS, write_dataset

__all__ = [
    'BACKGROUNDS',
    'GENERATOR_VERSION',
    'WRITTEN_LAYOUTS',
    'Scene',
    'SceneConfig',
    'SceneTarget',
    'generate_scene',
    'local_scr',
    'write_dataset',
]
