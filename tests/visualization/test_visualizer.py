"""The registered visualizer and hook, on their own and in a Runner with a stock model."""

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmengine.structures import PixelData
from mmengine.visualization import Visualizer
from mmseg.structures import SegDataSample

from mmirstd.datasets.synthetic import SceneConfig, write_dataset
from mmirstd.registry import HOOKS, VISUALIZERS
from mmirstd.visualization.canvas import COLOURS
from mmirstd.visualization.hook import IRSTDVisualizationHook
from mmirstd.visualization.outcomes import FALSE_ALARM, HIT, MISS, UNSCORED
from mmirstd.visualization.visualizer import IRSTDLocalVisualizer

SHAPE = (33, 47)


def _has(picture, kind):
    """Whether the kind's colour occurs below the caption, which names every kind."""
    return bool((picture[22:] == COLOURS[kind]).all(axis=-1).any())


def _sample(probability, gt_mask=None):
    sample = SegDataSample()
    sample.seg_logits = PixelData(data=torch.as_tensor(probability, dtype=torch.float32)[None])
    # What MMSegmentation stores next to it has another threshold; it must not be used.
    sample.pred_sem_seg = PixelData(data=torch.ones(1, *probability.shape, dtype=torch.long))
    if gt_mask is not None:
        sample.gt_sem_seg = PixelData(data=torch.as_tensor(gt_mask, dtype=torch.uint8)[None])
    return sample


@pytest.fixture
def parts():
    image = np.full(SHAPE, 50, np.uint8)
    gt_mask = np.zeros(SHAPE, np.uint8)
    gt_mask[5, 5] = gt_mask[20, 30] = 1
    probability = np.full(SHAPE, 0.1)
    probability[5, 5], probability[20, 30], probability[28, 8] = 0.9, 0.4, 0.8
    return image, gt_mask, probability


@pytest.fixture
def visualizer(tmp_path, request):
    return IRSTDLocalVisualizer(
        name=request.node.name, vis_backends=[{'type': 'LocalVisBackend'}], save_dir=str(tmp_path)
    )


def _written(folder):
    return sorted(folder.rglob('vis_image/*.png'))


def test_picture_is_cut_at_the_metrics_threshold(visualizer, parts, tmp_path):
    image, gt_mask, probability = parts
    visualizer.add_datasample('frame', image, _sample(probability, gt_mask), step=3)
    (path,) = _written(tmp_path)
    assert path.name == 'frame_3.png'
    picture = cv2.imread(str(path))[..., ::-1]
    assert all(_has(picture, kind) for kind in (HIT, MISS, FALSE_ALARM))
    visualizer.threshold = 0.3
    visualizer.add_datasample('frame', image, _sample(probability, gt_mask), step=4)
    picture = cv2.imread(str(_written(tmp_path)[1]))[..., ::-1]
    assert not _has(picture, MISS)


def test_gt_mask_and_prediction_may_be_missing_or_left_out(visualizer, parts, tmp_path):
    image, gt_mask, probability = parts
    color = np.repeat(image[..., None], 3, axis=2)
    visualizer.add_datasample('nothing', color)
    visualizer.add_datasample('no_truth', color, _sample(probability))
    visualizer.add_datasample('left_out', color, _sample(probability, gt_mask), draw_pred=False)
    assert len(_written(tmp_path)) == 3
    for name in ('no_truth', 'left_out'):
        picture = cv2.imread(str(next(tmp_path.rglob(f'{name}_0.png'))))[..., ::-1]
        assert _has(picture, UNSCORED)
        assert not _has(picture, MISS)


def test_out_file_and_get_image(visualizer, parts, tmp_path):
    image, gt_mask, probability = parts
    target = tmp_path / 'new' / 'picture.png'
    visualizer.add_datasample('frame', image, _sample(probability, gt_mask), out_file=str(target))
    picture = cv2.imread(str(target))[..., ::-1]
    assert visualizer.get_image().shape == picture.shape


def test_image_follows_the_evaluated_size(visualizer, parts, tmp_path):
    _, gt_mask, probability = parts
    visualizer.add_datasample('frame', np.zeros((90, 60), np.uint16), _sample(probability, gt_mask))
    (path,) = _written(tmp_path)
    assert cv2.imread(str(path)).shape[1] == 47 * 14


def test_bad_gt_mask_is_named(visualizer, parts):
    image, gt_mask, probability = parts
    with pytest.raises(ValueError, match='frame_7'):
        visualizer.add_datasample('frame_7', image, _sample(probability, gt_mask * 254))
    with pytest.raises(ValueError, match='frame_8'):
        visualizer.add_datasample('frame_8', image, _sample(probability, gt_mask[:-1]))


def test_bad_arguments():
    with pytest.raises(ValueError, match=r'threshold=1\.5'):
        IRSTDLocalVisualizer(name='bad', threshold=1.5)
    with pytest.raises(ValueError, match='interval=0'):
        IRSTDVisualizationHook(interval=0)


def test_config_names_find_the_classes():
    init_default_scope('mmseg')
    visualizer = VISUALIZERS.build({'type': 'mmirstd.IRSTDLocalVisualizer', 'name': 'by_name'})
    assert isinstance(visualizer, IRSTDLocalVisualizer)
    assert Visualizer.get_current_instance() is visualizer
    hook = HOOKS.build({'type': 'mmirstd.IRSTDVisualizationHook', 'draw': True})
    assert isinstance(hook, IRSTDVisualizationHook)


def _runner_config(root, work_dir, hook, bits=8):
    load = {'type': 'mmirstd.LoadIRImage', 'intensity_range': 'dtype' if bits == 8 else (0, 16383)}
    pipeline = [
        load,
        {'type': 'mmirstd.LoadMask'},
        {'type': 'mmirstd.ResizeToSquare', 'size': 32, 'evaluate_at': 'native'},
        {'type': 'PackSegInputs'},
    ]
    loader = {
        'batch_size': 2,
        'num_workers': 0,
        'sampler': {'type': 'DefaultSampler', 'shuffle': False},
        'dataset': {
            'type': 'mmirstd.IRSTDDataset',
            'data_root': str(root),
            'split': 'test',
            'pipeline': pipeline,
        },
    }
    norm = {'type': 'BN'}
    model = {
        'type': 'EncoderDecoder',
        'data_preprocessor': {'type': 'SegDataPreProcessor', 'size': (32, 32), 'seg_pad_val': 255},
        'backbone': {
            'type': 'UNet', 'in_channels': 3, 'base_channels': 2, 'num_stages': 2,
            'strides': (1, 1), 'enc_num_convs': (1, 1), 'dec_num_convs': (1,),
            'downsamples': (True,), 'enc_dilations': (1, 1), 'dec_dilations': (1,),
            'norm_cfg': norm,
        },
        'decode_head': {
            'type': 'FCNHead', 'in_channels': 2, 'in_index': 1, 'channels': 2, 'num_convs': 1,
            'num_classes': 2, 'out_channels': 1, 'threshold': 0.5, 'norm_cfg': norm,
            'concat_input': False,
            'loss_decode': {'type': 'CrossEntropyLoss', 'use_sigmoid': True},
        },
        'train_cfg': {},
        'test_cfg': {'mode': 'whole'},
    }  # fmt: skip
    return Config(
        {
            'default_scope': 'mmseg',
            'work_dir': str(work_dir),
            'experiment_name': str(work_dir).replace('/', '_'),
            'model': model,
            'test_dataloader': loader,
            'test_evaluator': {'type': 'IoUMetric'},
            'test_cfg': {},
            'val_dataloader': loader,
            'val_evaluator': {'type': 'IoUMetric'},
            'val_cfg': {},
            'default_hooks': {'visualization': hook},
            'visualizer': {
                'type': 'mmirstd.IRSTDLocalVisualizer',
                'name': str(work_dir),  # instances are kept by name
                'vis_backends': [{'type': 'LocalVisBackend'}],
                # What `mim test --show-dir DIR` sets:
                'save_dir': str(work_dir / 'show'),
            },
        }
    )


@pytest.mark.parametrize('bits', [8, 16])
def test_a_test_run_draws_every_image(tmp_path, bits):
    config = SceneConfig(size=(40, 48), bits=bits, area=(1, 20))
    write_dataset(tmp_path / 'data', {'train': 1, 'test': 3}, config=config)
    hook = {'type': 'mmirstd.IRSTDVisualizationHook', 'draw': True}
    runner = Runner.from_cfg(_runner_config(tmp_path / 'data', tmp_path, hook, bits))
    runner.test()
    drawn = _written(tmp_path / 'show')
    assert [path.name for path in drawn] == [f'test_{k:05d}_{k + 1}.png' for k in range(3)]
    picture = cv2.imread(str(drawn[0]))
    scale = -(-640 // 48)
    assert picture.shape[1] == 48 * scale
    shown = picture[22 : 22 + 40 * scale]
    # 14-bit words must fill the display range; read as 8-bit colour they are below 64.
    assert shown.max() > 100


def test_a_test_run_works_with_the_stock_hook(tmp_path):
    config = SceneConfig(size=(40, 48), area=(1, 20))
    write_dataset(tmp_path / 'data', {'train': 1, 'test': 2}, config=config)
    hook = {'type': 'SegVisualizationHook', 'draw': True, 'interval': 1}
    Runner.from_cfg(_runner_config(tmp_path / 'data', tmp_path, hook)).test()
    assert len(_written(tmp_path / 'show')) == 2


def test_validation_is_drawn_when_asked_and_intervals_hold(tmp_path):
    write_dataset(tmp_path / 'data', {'train': 1, 'test': 5}, config=SceneConfig(size=(40, 48)))
    hook = {'type': 'mmirstd.IRSTDVisualizationHook', 'draw': True, 'interval': 2}
    runner = Runner.from_cfg(_runner_config(tmp_path / 'data', tmp_path, hook))
    runner.val()
    names = [path.name for path in _written(tmp_path / 'show')]
    assert names == ['val_1_test_00000_0.png', 'val_3_test_00002_0.png', 'val_5_test_00004_0.png']


def test_nothing_is_drawn_unless_asked(tmp_path):
    write_dataset(tmp_path / 'data', {'train': 1, 'test': 1}, config=SceneConfig(size=(40, 48)))
    hook = {'type': 'mmirstd.IRSTDVisualizationHook'}
    Runner.from_cfg(_runner_config(tmp_path / 'data', tmp_path, hook)).test()
    assert _written(tmp_path) == []
