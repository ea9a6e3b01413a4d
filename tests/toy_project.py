"""A training project in a folder: procedural images and a config that takes seconds."""

import itertools
import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import cv2
import mmseg
import numpy as np
import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
RUNS = itertools.count()

RECIPE = """
_base_ = [
    '{configs}/_base_/default_runtime.py',
    '{configs}/_base_/schedules/adamw_150e.py',
]
custom_imports = dict(imports=['toy_parts'], allow_failed_imports=False)
train_cfg = dict(max_epochs={epochs}, val_interval=1)
param_scheduler = [dict(type='ConstantLR', factor=1.0, by_epoch=False)]
optim_wrapper = dict(optimizer=dict(lr=0.1), clip_grad=dict(max_norm=1.0))
default_hooks = dict(
    checkpoint=dict(interval=1), logger=dict(interval=1))
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor', mean=[60.0] * 3, std=[40.0] * 3, size=(32, 32)),
    backbone=dict(type='PixelwiseBackbone', channels=4, jitter={jitter}),
    decode_head=dict(
        type='FCNHead', in_channels=4, channels=4, in_index=0, num_convs=0, concat_input=False,
        dropout_ratio=0.0, num_classes=2, out_channels=1, threshold=0.5, align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=True)),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))
load = [dict(type='LoadImageFromFile', _scope_='mmirstd', channels=3, intensity_range='dtype')]
masks = [dict(type='mmirstd.LoadMask')]
pack = [dict(type='PackSegInputs')]
test_pipeline = load + masks + pack
tta_pipeline = load + [
    dict(
        type='TestTimeAug',
        transforms=[
            [dict(type='RandomFlip', prob=0.0), dict(type='RandomFlip', prob=1.0)],
            masks,
            pack,
        ])
]
def _loader(split, batch_size):
    return dict(
        batch_size=batch_size, num_workers=0,
        sampler=dict(type='DefaultSampler', shuffle=split == 'train'),
        dataset=dict(
            type='mmirstd.IRSTDDataset', data_root='{root}', split=split,
            test_mode=split != 'train', pipeline=test_pipeline))
train_dataloader = _loader('train', 2)
val_dataloader = _loader('val', 1)
test_dataloader = _loader('test', 1)
val_evaluator = dict(type='mmirstd.IRSTDMetric')
test_evaluator = dict(type='mmirstd.IRSTDMetric')
"""


def write_images(folder: Path, count: int, size: int = 32, seed: int = 0) -> None:
    """`count` noisy images with one bright 5x5 target each, masks 0 and 255."""
    rng = np.random.default_rng(seed)
    for name in ('images', 'masks'):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for index in range(count):
        image = rng.normal(60, 5, (size, size))
        mask = np.zeros((size, size), np.uint8)
        y, x = rng.integers(3, size - 3, 2)
        target = (slice(y - 2, y + 3), slice(x - 2, x + 3))
        image[target] += 120
        mask[target] = 255
        cv2.imwrite(str(folder / 'images' / f'{index}.png'), image.clip(0, 255).astype(np.uint8))
        cv2.imwrite(str(folder / 'masks' / f'{index}.png'), mask)


def write_toy_project(folder: Path, epochs: int = 2, jitter: float = 0.0) -> Path:
    """Write data and config below `folder`; return the config."""
    for seed, (split, count) in enumerate({'train': 8, 'val': 4, 'test': 4}.items()):
        write_images(folder / 'data' / split, count, seed=seed)
    config = folder / 'toy_config.py'
    config.write_text(
        RECIPE.format(
            configs=REPOSITORY / 'configs', root=folder / 'data', epochs=epochs, jitter=jitter
        )
    )
    return config


def tool(name: str) -> Path:
    """MMSegmentation's train.py or test.py, which `mim train` and `mim test` start."""
    return Path(mmseg.__file__).parent / '.mim' / 'tools' / f'{name}.py'


def run_tool_here(name: str, *arguments: str | Path, cwd: Path) -> None:
    """Run MMSegmentation's train.py or test.py inside this process: no time for imports.

    `custom_imports`, the log level and similar settings act as in a separate process; only the
    names of MMEngine's global instances would clash between runs of the same second.
    """
    experiment = f'experiment_name=run_{next(RUNS)}'
    arguments = [str(argument) for argument in arguments]
    if '--cfg-options' in arguments:  # the last option by convention of these tests
        arguments.append(experiment)
    else:
        arguments += ['--cfg-options', experiment]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(cwd)
        patch.setattr(sys, 'argv', [str(tool(name)), *arguments])
        patch.setenv('LOCAL_RANK', '0')
        runpy.run_path(str(tool(name)), run_name='__main__')


def run(
    command: list[str | Path], cwd: Path, check: bool = True, **environment: str
) -> subprocess.CompletedProcess:
    """Run a command with the package and the toy parts importable; output in the assertion."""
    python_path = [str(REPOSITORY), str(REPOSITORY / 'tests'), os.environ.get('PYTHONPATH', '')]
    environment = {
        **os.environ,
        'PYTHONPATH': os.pathsep.join(part for part in python_path if part),
        'OMP_NUM_THREADS': '1',
        **environment,
    }
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    output = f'{done.stdout[-4000:]}\n{done.stderr[-4000:]}'
    assert not check or done.returncode == 0, f'{command} returned {done.returncode}:\n{output}'
    return done


def logged(work_dir: Path) -> list[dict]:
    """The records of all runs in a work folder, oldest run first."""
    files = sorted(work_dir.glob('*/vis_data/scalars.json'), key=lambda file: file.stat().st_mtime)
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def losses(work_dir: Path) -> dict[int, float]:
    """Iteration -> loss; of an iteration that was run twice the later one."""
    return {record['step']: record['loss'] for record in logged(work_dir) if 'loss' in record}


def scores_of_test(work_dir: Path) -> dict[str, float]:
    """What the last test run in a work folder measured."""
    newest = max(work_dir.glob('*/*.json'), key=lambda file: file.stat().st_mtime)
    return json.loads(newest.read_text())
