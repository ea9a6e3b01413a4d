"""IRSTDMetric as MMEngine uses it."""

import contextlib
import json
import math
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from distributed_worker import evaluate, make_sample
from mmengine.evaluator import Evaluator

from mmirstd.evaluation.irstd_metric import IRSTDMetric
from mmirstd.io.images.masks import read_mask


def sample(gt_mask, scores, path='images/a.png', shown=None):
    """A model output: scores (C, H, W), ground truth (H, W) or None."""
    result = {'img_path': path, 'seg_logits': {'data': torch.as_tensor(scores)}}
    if gt_mask is not None:
        result['gt_sem_seg'] = {'data': torch.as_tensor(gt_mask)[None]}
    if shown is not None:
        result['pred_sem_seg'] = {'data': torch.as_tensor(shown)[None]}
    return result


def target(height=16, width=20):
    mask = np.zeros((height, width), dtype=np.uint8)
    mask[5:8, 5:8] = 1
    return mask


def run(*samples, **options):
    metric = IRSTDMetric(**options)
    metric.process(None, samples)
    return metric.evaluate(len(samples))


def perfect(path='images/a.png', **size):
    mask = target(**size)
    return sample(mask, mask[None].astype(np.float32), path)


def test_built_from_a_config_by_name_alone():
    evaluator = Evaluator({'type': 'mmirstd.IRSTDMetric'})
    evaluator.process([perfect()])
    numbers = evaluator.evaluate(1)
    assert numbers['irstd/IoU'] == numbers['irstd/nIoU'] == numbers['irstd/Pd'] == 100.0
    assert numbers['irstd/Fa'] == 0.0
    assert all(type(value) in (float, int) for value in numbers.values())


def test_units_and_counts():
    gt_mask = target()
    probability = gt_mask.astype(np.float32)
    probability[5, 5] = 0.4  # one missed pixel
    probability[14, 14:16] = 0.6  # one false component of 2 px
    numbers = run(sample(gt_mask, probability[None]))
    assert numbers['irstd/IoU'] == pytest.approx(100 * 8 / 11)
    assert numbers['irstd/Fa'] == pytest.approx(1e6 * 2 / 320)
    assert numbers['irstd/Precision'] == 80.0
    assert numbers['irstd/Recall'] == pytest.approx(100 * 8 / 9)
    assert numbers['irstd/F1'] == pytest.approx(100 * 16 / 19)
    assert numbers['irstd/target_Precision'] == 50.0
    counts = {name: numbers[f'irstd/{name}'] for name in ('tp', 'fp', 'fn', 'targets', 'hits')}
    assert counts == {'tp': 8, 'fp': 2, 'fn': 1, 'targets': 1, 'hits': 1}
    assert numbers['irstd/false_pixels'] == 2
    assert numbers['irstd/pixels'] == 320


def test_every_convention_is_returned_beside_the_chosen_one():
    gt_mask = target()
    probability = gt_mask.astype(np.float32)
    probability[11:14, 15:18] = 1  # false, and as large as the hit one
    one = sample(gt_mask, probability[None])
    numbers = run(one, matching='legacy')
    assert numbers['irstd/Fa'] == 0.0
    assert numbers['irstd/Fa_greedy'] == numbers['irstd/Fa_optimal'] == 1e6 * 9 / 320
    assert 'irstd/Fa_legacy' not in numbers
    assert run(one)['irstd/Fa_legacy'] == 0.0


@pytest.mark.parametrize('dtype', [torch.float32, torch.float16, torch.bfloat16])
def test_two_channels_are_logits(dtype):
    gt_mask = target()
    logits = np.zeros((2, *gt_mask.shape), dtype=np.float32)
    logits[1] = np.where(gt_mask, 1e-3, -1e-3)  # sigmoid rounds to 0.5 in half precision
    numbers = run(sample(gt_mask, torch.from_numpy(logits).to(dtype)))
    assert numbers['irstd/IoU'] == 100.0


def test_two_channels_follow_the_threshold():
    gt_mask = target()
    logits = np.zeros((2, *gt_mask.shape), dtype=np.float32)
    logits[1] = np.where(gt_mask, 2.0, 1.0)  # probabilities 0.88 and 0.73
    assert run(sample(gt_mask, logits), threshold=0.8)['irstd/IoU'] == 100.0
    assert run(sample(gt_mask, logits), threshold=0.7)['irstd/IoU'] < 10


def test_exactly_half_is_not_a_target():
    gt_mask = target()
    half = np.full((1, *gt_mask.shape), 0.5, dtype=np.float32)
    assert run(sample(gt_mask, half))['irstd/predictions'] == 0


def test_a_mask_without_scores_is_enough():
    gt_mask = target()
    one = sample(gt_mask, np.zeros((1, 1, 1)), shown=gt_mask)
    del one['seg_logits']
    assert run(one)['irstd/IoU'] == 100.0
    with pytest.raises(ValueError, match=r'a\.png.*curves=True needs seg_logits'):
        run(one, curves=True)


def test_reads_what_mmseg_stores():
    # postprocess_result applies the sigmoid to one channel, and its own threshold.
    from mmengine.structures import PixelData
    from mmseg.models.segmentors import EncoderDecoder
    from mmseg.structures import SegDataSample

    segmentor = SimpleNamespace(align_corners=False, decode_head=SimpleNamespace(threshold=0.3))
    gt_mask = target()
    logits = np.where(gt_mask, 3.0, -0.5).astype(np.float32)  # sigmoid(-0.5) = 0.38 > 0.3
    for scores in (logits[None, None], np.stack([0 * logits, logits])[None]):
        data_sample = SegDataSample(metainfo={'img_path': 'a.png', 'ori_shape': gt_mask.shape})
        data_sample.gt_sem_seg = PixelData(data=torch.from_numpy(gt_mask)[None])
        (output,) = EncoderDecoder.postprocess_result(
            segmentor, torch.from_numpy(scores), [data_sample]
        )
        assert run(output.to_dict())['irstd/IoU'] == 100.0


def test_ignored_pixels():
    gt_mask = target()
    gt_mask[0] = 255
    probability = (gt_mask == 1).astype(np.float32)
    probability[0] = 1
    numbers = run(sample(gt_mask, probability[None]))
    assert numbers['irstd/IoU'] == 100.0
    assert numbers['irstd/pixels'] == 300


BAD = {
    'no ground truth': (sample(None, np.zeros((1, 4, 4))), r'no ground truth.*LoadAnnotations'),
    'sizes': (sample(target(), np.zeros((1, 16, 21))), r'\(16, 21\).*\(16, 20\)'),
    'channels': (sample(target(), np.zeros((3, 16, 20))), r'\(3, 16, 20\)'),
    'logits in one channel': (sample(target(), np.full((1, 16, 20), -4.0)), r'\[-4, -4\]'),
    'not a number': (sample(target(), np.full((1, 16, 20), np.nan)), 'NaN'),
    'labels': (sample(target() * 3, np.zeros((1, 16, 20))), r'labels \[0, 3\].*BinarizeMask'),
    'nothing': ({'img_path': 'images/a.png'}, 'neither seg_logits nor pred_sem_seg'),
}


@pytest.mark.parametrize('case', BAD)
def test_bad_samples_are_errors_that_name_the_image(case):
    bad, message = BAD[case]
    with pytest.raises(ValueError, match=rf'images/a\.png.*{message}'):
        run(bad)


def test_masks_of_0_and_255_are_not_taken_for_ignored():
    gt_mask = target() * np.uint8(255)
    with pytest.raises(ValueError, match=r'images/a\.png.*0/255.*BinarizeMask'):
        run(sample(gt_mask, np.zeros((1, 16, 20), dtype=np.float32)))


def test_an_empty_set_is_an_error():
    with pytest.raises(ValueError, match='no images'):
        IRSTDMetric().compute_metrics([])


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'matching': 'best'}, "'best'.*legacy, greedy, optimal, opdc"),
        ({'compare': ['dnanet']}, 'dnanet'),
        ({'threshold': 1.0}, 'threshold=1.0'),
        ({'empty_iou': 'nan'}, "'nan'.*one, zero, skip"),
        ({'size_edges': [20, 10]}, r'\[20, 10\]'),
        ({'fa_pixels_per_image': 0}, 'fa_pixels_per_image=0'),
        ({'format_only': True}, 'output_dir'),
        ({'save_probability': True}, 'output_dir'),
        ({'curve_dir': 'x'}, 'curves=True'),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        IRSTDMetric(**options)


def test_sets_without_targets_give_nan_not_a_number_that_looks_good():
    empty = np.zeros((8, 8), dtype=np.uint8)
    numbers = run(sample(empty, empty[None].astype(np.float32)))
    assert math.isnan(numbers['irstd/Pd'])
    assert math.isnan(numbers['irstd/IoU'])
    assert numbers['irstd/Fa'] == 0.0
    assert numbers['irstd/nIoU'] == 100.0


def test_written_masks_and_probabilities(tmp_path):
    # keep_results is what `mim test --out` adds to the config.
    probability = np.linspace(0, 1, 80, dtype=np.float32).reshape(8, 10)
    one = sample(target(8, 10), probability[None], 'x/images/a.jpg')
    run(one, output_dir=str(tmp_path), keep_results=True, save_probability=True)
    mask = cv2.imread(str(tmp_path / 'a.png'), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(mask, np.where(probability > 0.5, 255, 0))
    grey = cv2.imread(str(tmp_path / 'probability' / 'a.png'), cv2.IMREAD_UNCHANGED)
    assert grey.dtype == np.uint16
    assert np.abs(grey / 65535 - probability).max() < 1e-5
    assert np.array_equal(grey / 65535 > 0.5, probability > 0.5)


def test_format_only_needs_no_ground_truth(tmp_path):
    one = sample(None, np.ones((1, 4, 4), dtype=np.float32))
    assert run(one, output_dir=str(tmp_path), format_only=True) == {}
    assert (tmp_path / 'a.png').exists()


def test_images_of_one_name_in_two_folders(tmp_path):
    pair = perfect('images/1/a.png'), perfect('images/2/a.png')
    with pytest.raises(ValueError, match=r'1/a\.png.*output_parents=1'):
        run(*pair, output_dir=str(tmp_path / 'flat'))
    run(*pair, output_dir=str(tmp_path), output_parents=1)
    assert (tmp_path / '1' / 'a.png').exists()
    assert (tmp_path / '2' / 'a.png').exists()
    deep = perfect('1/thermal/a.png'), perfect('2/thermal/a.png')
    with pytest.raises(ValueError, match='output_parents=2'):
        run(*deep, output_dir=str(tmp_path / 'deep'))
    twins = perfect('images/a.png'), perfect('images/a.bmp')
    with pytest.raises(ValueError, match='differ in more than the suffix'):
        run(*twins, output_dir=str(tmp_path / 'twins'))


@pytest.mark.parametrize('parents', [0, 1, 2, 3, 9, 99])
@pytest.mark.parametrize('absolute', [True, False])
@pytest.mark.parametrize('output', ['images', '.', 'out', 'images/..'])
def test_masks_neither_replace_images_nor_leave_the_folder(
    tmp_path, monkeypatch, parents, absolute, output
):
    here = tmp_path / 'x' / 'here'
    image = here / 'images' / 'a.png'
    image.parent.mkdir(parents=True)
    image.write_bytes(b'photo')
    monkeypatch.chdir(here)
    name = str(image) if absolute else '../../x/here/images/a.png'
    with contextlib.suppress(ValueError, OSError):
        run(perfect(name), output_dir=output, output_parents=parents, save_probability=True)
    assert image.read_bytes() == b'photo'
    inside = (here / output).resolve()
    files = {path for path in tmp_path.rglob('*') if path.is_file()}
    assert {path for path in files if inside not in path.parents} <= {image}


def test_more_parents_than_there_are(tmp_path):
    with pytest.raises(ValueError, match='has only 2 parent folders'):
        run(perfect('/x/images/a.png'), output_dir=str(tmp_path), output_parents=3)


def test_masks_of_an_earlier_test_are_not_mixed_with_new_ones(tmp_path):
    run(perfect('a.png'), output_dir=str(tmp_path))
    with pytest.raises(FileExistsError, match='1 file of an earlier run'):
        run(perfect('b.png'), output_dir=str(tmp_path))
    run(perfect('b.png'), output_dir=str(tmp_path), output_overwrite=True)
    assert [p.name for p in tmp_path.glob('*.png')] == ['b.png']


def test_every_validation_writes_its_masks(tmp_path):
    metric = IRSTDMetric(output_dir=str(tmp_path))
    for height in (16, 30):
        metric.process(None, [perfect('a.png', height=height)])
        metric.evaluate(1)
        assert read_mask(tmp_path / 'a.png').shape[0] == height


@pytest.fixture
def log(monkeypatch):
    lines = []
    monkeypatch.setattr(
        'mmirstd.evaluation.irstd_metric.print_log', lambda text, **_: lines.append(text)
    )
    return lines


def test_the_table_states_size_convention_and_counts(log):
    run(perfect(), perfect('images/b.png', height=30))
    text = '\n'.join(log)
    assert '2 sizes from 16x20 to 30x20; 2 images, 920 pixels' in text
    assert 'probability > 0.5' in text
    assert 'Pd and Fa as reported: optimal' in text
    assert '| legacy ' in text
    assert '2 / 2' in text
    log.clear()
    run(perfect())
    assert '16x20; 1 image, 320 pixels' in '\n'.join(log)


def test_warns_where_pictures_and_numbers_differ(log):
    gt_mask = target()
    probability = np.where(gt_mask, 0.9, 0.4).astype(np.float32)[None]
    shown = np.ones_like(gt_mask)  # as decode_head.threshold=0.3 makes it
    run(
        sample(gt_mask, probability, shown=shown),
        sample(gt_mask, probability, 'b.png', shown=shown),
    )
    assert len([line for line in log if 'decode_head.threshold' in line]) == 1


def test_warns_of_images_counted_twice(log):
    run(perfect(), perfect())
    assert any('counted more than once, such as images/a.png' in line for line in log)


def test_curves(tmp_path):
    samples = [make_sample(index) for index in range(3)]
    numbers = run(*samples, curves=True, curve_bins=20, curve_dir=str(tmp_path))
    assert 0.5 < numbers['irstd/ROC_AUC_20bins'] < 1
    assert 0 < numbers['irstd/AP_20bins'] < 1
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {'pixel_curve.csv', 'pd_fa_curve.csv', 'curves.json', 'curves.png'}
    summary = json.loads((tmp_path / 'curves.json').read_text())
    assert summary['bins'] == 20
    # At the metric's own threshold the curve passes through the reported point.
    index = summary['thresholds'].index(0.5)
    assert 100 * summary['pd'][index] == pytest.approx(numbers['irstd/Pd'])
    assert 1e6 * summary['fa'][index] == pytest.approx(numbers['irstd/Fa'])


@pytest.mark.parametrize('images', [7])
def test_two_processes_count_like_one(images, tmp_path):
    # 7 images for 2 processes: the sampler repeats one, which must not count.
    folder = Path(__file__).parent
    environment = {**os.environ, 'OMP_NUM_THREADS': '1'}
    environment['PYTHONPATH'] = os.pathsep.join(
        [str(folder.parents[1]), environment.get('PYTHONPATH', '')]
    )
    processes = [
        subprocess.Popen(
            [
                sys.executable,
                str(folder / 'distributed_worker.py'),
                *(str(rank), '2', str(tmp_path / 'rendezvous')),
                *(str(images), '2', str(tmp_path / f'{rank}.json')),
            ],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(2)
    ]
    try:
        for process in processes:
            output, _ = process.communicate(timeout=600)  # mostly imports; long on a busy machine
            assert process.returncode == 0, output
    finally:
        for process in processes:
            process.kill()
    alone = evaluate(images, batch_size=2)
    assert alone['irstd/images'] == images
    assert 0 < alone['irstd/hits'] < alone['irstd/targets']
    for rank in range(2):
        assert json.loads((tmp_path / f'{rank}.json').read_text()) == alone
    # Both wrote into one folder, which the next run refuses or replaces as a whole.
    masks = tmp_path / 'masks'
    written = {f'{index}.png' for index in range(images)}
    assert {path.name for path in masks.glob('*.png')} == written
    assert len(list(masks.glob('mmirstd_run*.jsonl'))) == 2
    with pytest.raises(FileExistsError, match='files of an earlier run'):
        IRSTDMetric(output_dir=str(masks))
    run(perfect('new.png'), output_dir=str(masks), output_overwrite=True)
    assert {path.name for path in masks.iterdir()} == {'new.png', 'mmirstd_run.jsonl'}


def test_a_joint_set_is_scored_in_parts_and_pooled():
    nothing = np.zeros((1, 16, 20), np.float32)
    samples = [
        {**perfect('a/1.png'), 'dataset': 'SIRST'},
        {**sample(target(), nothing, 'b/1.png'), 'dataset': 'IRSTD-1k'},
        {**perfect('b/2.png'), 'dataset': 'IRSTD-1k'},
    ]
    numbers = run(*samples, per_dataset=True)
    assert numbers['irstd/SIRST/IoU'] == 100
    assert numbers['irstd/IRSTD-1k/IoU'] == numbers['irstd/IRSTD-1k/Pd'] == 50
    assert numbers['irstd/mean_IoU'] == numbers['irstd/mean_Pd'] == 75
    assert numbers['irstd/IoU'] == pytest.approx(200 / 3)
    assert numbers['irstd/IRSTD-1k/images'] == 2


def test_a_sample_of_no_dataset_is_named():
    with pytest.raises(ValueError, match=r'images/a\.png.*meta_keys'):
        run(perfect(), per_dataset=True)
