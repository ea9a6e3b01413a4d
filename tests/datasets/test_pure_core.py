"""What decides about files and pixels works without the OpenMMLab stack."""

import subprocess
import sys

MODULES = (
    'datasets.catalog', 'datasets.checking', 'datasets.intensity', 'datasets.layouts',
    'datasets.lists', 'datasets.layouts.pairing', 'datasets.resampling', 'datasets.selection',
    'datasets.splits', 'io.hashing', 'io.images', 'io.outputs.atomic',
)  # fmt: skip

SCRIPT = """
import importlib, sys
for name in ('mmengine', 'mmcv', 'mmseg', 'torch'):
    sys.modules[name] = None
for name in sys.argv[1:]:
    importlib.import_module(f'mmirstd.{name}')
"""


def test_modules_import_without_openmmlab_and_torch():
    subprocess.run([sys.executable, '-c', SCRIPT, *MODULES], check=True, timeout=600)
