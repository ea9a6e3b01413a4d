"""A campaign from nothing to weights that detect, through a kill in the middle."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from toy_project import REPOSITORY, write_images

from mmirstd.apis import IRSTDInferencer
from mmirstd.weights import find_model

pytestmark = pytest.mark.slow

CONFIG = """
_base_ = ['{configs}/_base_/default_runtime.py', '{configs}/_base_/schedules/adamw_wsd_cpu.py']
max_epochs = 10
train_cfg = dict(max_epochs=max_epochs, val_interval=2)
param_scheduler = [dict(type='LinearLR', start_factor=1.0, end_factor=0.1, begin=0, end=10)]
default_hooks = dict(checkpoint=dict(interval=1))
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(type='SegDataPreProcessor', size=(32, 32)),
    backbone=dict(type='mmirstd.LightUNet', channels=(8, 8), blocks=(1, 1), decoder_blocks=(1,)),
    decode_head=dict(type='mmirstd.IRSTDHead', in_channels=8, channels=8, target_prior=0.05),
    test_cfg=dict(mode='whole'))
load = dict(type='LoadImageFromFile', _scope_='mmirstd', channels=1, intensity_range='raw')
test_pipeline = [
    load, dict(type='mmirstd.LoadMask'), dict(type='mmirstd.StandardizeImage'),
    dict(type='PackSegInputs')]
def _loader(split, batch_size):
    return dict(
        batch_size=batch_size, num_workers=0,
        sampler=dict(type='DefaultSampler', shuffle=split == 'train'),
        dataset=dict(
            type='mmirstd.IRSTDDataset', data_root='{data}', split=split,
            test_mode=split != 'train', pipeline=test_pipeline))
train_dataloader = _loader('train', 4)
val_dataloader = _loader('val', 1)
test_dataloader = _loader('test', 1)
val_evaluator = dict(type='mmirstd.IRSTDMetric')
test_evaluator = dict(type='mmirstd.IRSTDMetric')
"""


def command(folder):
    return [
        sys.executable,
        '-m',
        'benchmarks.train_zoo',
        folder / 'c.json',
        '--out',
        folder / 'zoo',
    ]


def test_a_campaign_survives_a_kill_and_ends_in_weights(tmp_path):
    for seed, (split, count) in enumerate({'train': 16, 'val': 4, 'test': 4}.items()):
        write_images(tmp_path / 'data' / split, count, seed=seed)
    config = tmp_path / 'unet.py'
    config.write_text(CONFIG.format(configs=REPOSITORY / 'configs', data=tmp_path / 'data'))
    about = {'summary': 's', 'tile_size': 32, 'trained_on': 't', 'licence': 'l'}
    published = {'name': 'unet', 'config': str(config), 'hours': 0.005, 'about': about}
    (tmp_path / 'c.json').write_text(json.dumps([published]))

    first = subprocess.Popen(command(tmp_path), cwd=REPOSITORY, start_new_session=True)
    last = tmp_path / 'zoo' / 'unet' / 'training' / 'last_checkpoint'
    deadline = time.monotonic() + 240
    while not last.is_file():
        assert first.poll() is None, 'ended before its first checkpoint'
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    plan = (tmp_path / 'zoo' / 'unet' / 'plan.json').read_text()

    run = subprocess.run(command(tmp_path), cwd=REPOSITORY, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-2000:]
    logs = (tmp_path / 'zoo' / 'unet' / 'training').glob('*/*.log')
    assert any('resumed epoch' in log.read_text() for log in logs)
    assert (tmp_path / 'zoo' / 'unet' / 'plan.json').read_text() == plan
    entry = tmp_path / 'zoo' / 'unet' / 'entry'
    scores = json.loads((entry / 'scores.json').read_text())
    assert {'selected_val', 'selected_test', 'last_val', 'last_test', 'peak_test'} <= set(scores)
    assert scores['peak_test']['pooled']['IoU'] >= scores['last_ema_test']['pooled']['IoU']
    info = find_model(entry)
    assert info.training['epochs'] == json.loads(plan)['max_epochs']
    assert info.training['precision'] == json.loads(plan)['precision']
    assert (entry / 'curves.png').stat().st_size > 1000
    image = np.random.default_rng(0).normal(60, 5, (32, 32)).astype(np.float32)
    image[10:15, 10:15] += 120
    found = IRSTDInferencer(entry)(image)[0].targets
    assert len(found) == 1
    assert abs(found[0].x - 12) < 1.5
    assert abs(found[0].y - 12) < 1.5

    compared = {'name': 'compared', 'config': str(config), 'epochs': 2, 'seed': 1}
    (tmp_path / 'c.json').write_text(json.dumps([published, compared]))
    again = subprocess.run(command(tmp_path), cwd=REPOSITORY, capture_output=True, text=True)
    assert 'unet: finished before' in again.stdout
    assert '| compared | ' in again.stdout
    assert (tmp_path / 'zoo' / 'scores.md').read_text() in again.stdout
    files = {file.name for file in (tmp_path / 'zoo' / 'compared' / 'entry').iterdir()}
    assert {'scores.json', 'history.jsonl'} <= files
    assert 'weights.safetensors' not in files
    assert 'compared: finished before' in subprocess.run(
        command(tmp_path), cwd=REPOSITORY, capture_output=True, text=True
    ).stdout  # fmt: skip
