"""MMSeg's own inference functions with the test pipelines of the base configs."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmseg.apis import MMSegInferencer, inference_model, init_model
from PIL import Image

CONFIG = Path(__file__).resolve().parents[2] / 'configs/_base_/datasets/folder.py'


@pytest.fixture(params=['input', 'native'])
def cfg(request):
    cfg = Config.fromfile(CONFIG)
    for step in cfg.test_pipeline:
        if step['type'] == 'mmirstd.ResizeToSquare':
            step.update(size=32, evaluate_at=request.param)
    cfg.test_dataloader.dataset.pipeline = copy.deepcopy(cfg.test_pipeline)
    cfg.default_scope = 'mmseg'
    cfg.visualizer = {'type': 'SegLocalVisualizer', 'vis_backends': [], 'name': 'visualizer'}
    cfg.model = {
        'type': 'EncoderDecoder',
        'data_preprocessor': {**cfg.data_preprocessor, 'size': (32, 32)},
        'backbone': {
            'type': 'MobileNetV2',
            'widen_factor': 0.25,
            'out_indices': (0, 1),
            'norm_cfg': {'type': 'BN'},
        },
        'decode_head': {
            'type': 'FCNHead',
            'in_channels': 8,
            'channels': 4,
            'num_classes': 2,
            'out_channels': 1,
            'threshold': 0.5,
            'num_convs': 1,
            'concat_input': False,
            'norm_cfg': {'type': 'BN'},
            'loss_decode': {'type': 'CrossEntropyLoss', 'use_sigmoid': True},
        },
        'test_cfg': {'mode': 'whole'},
    }
    with DefaultScope.overwrite_default_scope('mmseg'):
        yield cfg


@pytest.fixture
def image(tmp_path):
    array = np.random.default_rng(0).integers(0, 255, (40, 60), dtype=np.uint8)
    Image.fromarray(array).save(tmp_path / 'image.png')
    return str(tmp_path / 'image.png'), array


@pytest.mark.filterwarnings('ignore')
def test_inference_model_takes_files_and_arrays_in_any_order(cfg, image):
    file, array = image
    model = init_model(cfg, device='cpu')
    expected = inference_model(model, file)
    assert expected.pred_sem_seg.data.shape == (1, 40, 60)
    for given in (array, np.stack([array] * 3, axis=-1), file):
        torch.testing.assert_close(
            inference_model(model, given).seg_logits.data, expected.seg_logits.data
        )
    deep = inference_model(model, array.astype(np.uint16) * 257)
    torch.testing.assert_close(deep.seg_logits.data, expected.seg_logits.data, atol=0.05, rtol=0)
    batch = inference_model(model, [array, array])
    torch.testing.assert_close(batch[1].seg_logits.data, expected.seg_logits.data)


@pytest.mark.filterwarnings('ignore')
def test_inferencer_takes_files_and_arrays(cfg, image):
    file, array = image
    torch.manual_seed(0)
    inferencer = MMSegInferencer(cfg, device='cpu')
    expected = inferencer(file, return_datasamples=True)
    assert expected.pred_sem_seg.data.shape == (1, 40, 60)
    for given in (array, np.stack([array] * 3, axis=-1)):
        result = inferencer(given, return_datasamples=True)
        torch.testing.assert_close(result.seg_logits.data, expected.seg_logits.data)
    np.save(file.replace('.png', '.npy'), array)
    result = inferencer(file.replace('.png', '.npy'), return_datasamples=True)
    torch.testing.assert_close(result.seg_logits.data, expected.seg_logits.data)
    assert inferencer(file, return_vis=True)['visualization'].shape == (40, 60, 3)
