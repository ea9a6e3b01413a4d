"""Reading images and writing files, for every other part of the package.

`images` decodes and encodes images and masks. `outputs` decides where results may go and writes
whole files. The other modules are about videos, cameras, prediction files, checksums and folders.

Imports neither torch nor OpenMMLab.
"""
