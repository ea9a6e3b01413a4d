"""Reading images and writing files: one module each, used by every other part of the package.

Imports neither torch nor OpenMMLab.
"""
