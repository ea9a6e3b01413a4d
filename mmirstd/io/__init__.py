"""Reading images and writing files: one module each, used by every other part of the package.

`images` decodes and encodes images and masks, `outputs` decides where results may go and writes
them whole. Beside them: videos, cameras, prediction files, checksums, folders.

Imports neither torch nor OpenMMLab.
"""
