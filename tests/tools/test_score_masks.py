"""tools/score_masks.py: any folder of predictions, scored like IRSTDMetric."""

import csv
import json
import runpy
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from mmirstd.evaluation.irstd_metric import IRSTDMetric
from mmirstd.io.predictions import detect_kind

TOOL = Path(__file__).parents[2] / 'tools' / 'score_masks.py'
main = runpy.run_path(str(TOOL))['main']


def probability_of(gt_mask, seed):
    random = np.random.default_rng(seed)
    blurred = cv2.GaussianBlur(gt_mask.astype(np.float32), (3, 3), 0)
    return np.clip(blurred + random.normal(0, 0.12, gt_mask.shape), 0, 1).astype(np.float32)


@pytest.fixture
def gt_masks():
    """Name -> (H, W) mask; sizes differ, one has no target."""
    random = np.random.default_rng(0)
    masks = {}
    for number, size in enumerate([(40, 50), (32, 32), (64, 48), (30, 30)]):
        mask = np.zeros(size, dtype=np.uint8)
        if number != 3:
            for row, column in random.integers(2, 24, (3, 2)):
                mask[row : row + 4, column : column + 3] = 1
        masks[f'scene_{number}'] = mask
    return masks


@pytest.fixture
def folders(tmp_path, gt_masks):
    """(PRED_DIR, GT_DIR, probabilities); predictions are float .npy."""
    for folder in ('pred', 'gt'):
        (tmp_path / folder).mkdir()
    probabilities = {}
    for number, (name, mask) in enumerate(gt_masks.items()):
        probabilities[name] = probability_of(mask, number)
        np.save(tmp_path / 'pred' / f'{name}.npy', probabilities[name])
        cv2.imwrite(str(tmp_path / 'gt' / f'{name}.png'), mask * 255)
    return tmp_path / 'pred', tmp_path / 'gt', probabilities


def score(*arguments, tmp_path):
    """Numbers that the tool writes, or fails the test."""
    result = tmp_path / 'result.json'
    assert main([*map(str, arguments), '--json', str(result)]) == 0
    return json.loads(result.read_text())


def test_equals_the_metric(folders, gt_masks, tmp_path):
    predictions, masks, probabilities = folders
    metric = IRSTDMetric(curves=True, curve_bins=50)
    for name, gt_mask in gt_masks.items():
        sample = {
            'img_path': name,
            'seg_logits': {'data': torch.from_numpy(probabilities[name])[None]},
        }
        sample['gt_sem_seg'] = {'data': torch.from_numpy(gt_mask)[None]}
        metric.process(None, [sample])
    expected = {
        key.removeprefix('irstd/'): value for key, value in metric.evaluate(len(gt_masks)).items()
    }
    curves = tmp_path / 'curves'
    found = score(predictions, masks, '--curves', curves, '--curve-bins', 50, tmp_path=tmp_path)
    assert found == expected
    assert 0 < found['hits'] <= found['targets']
    assert found['fp'] > 0
    assert (curves / 'curves.png').exists()


@pytest.mark.parametrize('encoding', ['mask 255', 'mask 1', 'bool', '8 bit', '16 bit', 'logits'])
def test_encodings_agree(folders, encoding, tmp_path):
    predictions, masks, probabilities = folders
    expected = score(predictions, masks, tmp_path=tmp_path)
    other = tmp_path / 'other'
    other.mkdir()
    arguments = []
    for name, probability in probabilities.items():
        path = other / f'{name}.png'
        mask = (probability > 0.5).astype(np.uint8)
        if encoding == 'mask 255':
            cv2.imwrite(str(path), mask * 255)
        elif encoding == 'mask 1':
            cv2.imwrite(str(path), mask)
        elif encoding == 'bool':
            np.save(path.with_suffix('.npy'), mask > 0)
        elif encoding == '8 bit':
            cv2.imwrite(str(path), np.where(mask, 128 + 100 * probability, 100 * probability))
        elif encoding == '16 bit':
            cv2.imwrite(str(path), np.rint(probability * 65535).astype(np.uint16))
        else:
            margin = np.where(mask, 1.0, -1.0) * (1 + probability)
            np.save(path.with_suffix('.npy'), margin)
            arguments = ['--kind', 'logits']
    assert score(other, masks, *arguments, tmp_path=tmp_path) == expected


def test_what_the_metric_writes_can_be_scored(folders, gt_masks, tmp_path):
    predictions, masks, probabilities = folders
    metric = IRSTDMetric(output_dir=str(tmp_path / 'out'), save_probability=True, format_only=True)
    for name in gt_masks:
        sample = {'img_path': f'x/{name}.png'}
        sample['seg_logits'] = {'data': torch.from_numpy(probabilities[name])[None]}
        metric.process(None, [sample])
    expected = score(predictions, masks, tmp_path=tmp_path)
    assert score(tmp_path / 'out', masks, tmp_path=tmp_path) == expected
    assert score(tmp_path / 'out' / 'probability', masks, tmp_path=tmp_path) == expected


def test_published_names_suffixes_and_splits(folders, tmp_path, capsys):
    predictions, masks, _ = folders
    for path in list(masks.iterdir()):
        path.rename(path.with_name(f'{path.stem}_pixels0.png'))
    (masks / 'scene_0.xml').write_text('<annotation/>')
    (masks / '.DS_Store').write_bytes(b'x')
    names = tmp_path / 'test.txt'
    names.write_bytes(b'scene_1.png\r\nscene_2')
    arguments = ['--gt-suffix', '_pixels0', '--split', names]
    assert score(predictions, masks, *arguments, tmp_path=tmp_path)['images'] == 2
    assert '2 images' in capsys.readouterr().out


def test_missing_and_extra_files_are_named(folders, tmp_path, capsys):
    predictions, masks, _ = folders
    (predictions / 'scene_1.npy').unlink()
    np.save(predictions / 'other.npy', np.zeros((4, 4)))
    assert main([str(predictions), str(masks)]) == 1
    error = capsys.readouterr().err
    assert f"{masks}/scene_1.png: no prediction called 'scene_1'" in error
    assert f"{predictions}/other.npy: no mask called 'other'" in error
    assert score(predictions, masks, '--allow-missing', tmp_path=tmp_path)['images'] == 3
    assert '2 names left out' in capsys.readouterr().out


def test_sizes_that_differ_are_errors_unless_told(folders, gt_masks, tmp_path, capsys):
    predictions, masks, probabilities = folders
    for name, probability in probabilities.items():
        doubled = cv2.resize(probability, None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
        np.save(predictions / f'{name}.npy', doubled)
    assert main([str(predictions), str(masks)]) == 1
    error = capsys.readouterr().err
    assert 'scene_0.npy has the size (80, 100)' in error
    assert 'scene_3.npy' in error
    small = score(predictions, masks, '--resize', 'prediction', tmp_path=tmp_path)
    large = score(predictions, masks, '--resize', 'gt', tmp_path=tmp_path)
    assert large['pixels'] == 4 * small['pixels'] == 4 * sum(m.size for m in gt_masks.values())
    assert '4 images: the ground truth was resized' in capsys.readouterr().out


def test_bad_files_are_named_all_at_once(folders, capsys):
    predictions, masks, probabilities = folders
    (masks / 'scene_0.png').write_bytes(b'')
    np.save(predictions / 'scene_1.npy', probabilities['scene_1'] * 7)
    np.save(predictions / 'scene_2.npy', np.full((64, 48), np.nan))
    (predictions / 'scene_3.npy').unlink()
    cv2.imwrite(
        str(predictions / 'scene_3.png'), np.arange(2700, dtype=np.uint8).reshape(30, 30, 3)
    )
    assert main([str(predictions), str(masks)]) == 1
    error = capsys.readouterr().err
    assert 'scene_0.png: the file is empty' in error
    assert 'scene_1.npy: values from 0 to' in error
    assert '--kind logits' in error
    assert 'scene_2.npy' in error
    assert 'scene_3.png: a colour image' in error
    assert '4 problems; nothing was scored' in error


def test_masks_that_look_like_images_are_noted(folders, capsys):
    predictions, masks, _ = folders
    cv2.imwrite(str(masks / 'scene_3.png'), np.full((30, 30), 90, dtype=np.uint8))
    assert main([str(predictions), str(masks)]) == 0
    assert 'scene_3.png: 100% of the pixels are target; is it a mask?' in capsys.readouterr().out


def test_per_image_lists_the_worst_first(folders, tmp_path):
    predictions, masks, _ = folders
    np.save(predictions / 'scene_2.npy', np.zeros((64, 48)))
    table = tmp_path / 'deep' / 'images.csv'
    assert main([str(predictions), str(masks), '--per-image', str(table)]) == 0
    with table.open() as file:
        rows = list(csv.DictReader(file))
    assert rows[0]['name'] in ('scene_2', 'scene_3')
    worst = next(row for row in rows if row['name'] == 'scene_2')
    assert (worst['iou'], worst['hits_optimal']) == ('0.0', '0')
    assert worst['fn'] != '0'
    assert len(rows) == 4


def test_options_reach_the_scores(folders, tmp_path):
    predictions, masks, _ = folders
    default = score(predictions, masks, tmp_path=tmp_path)
    legacy = score(
        predictions, masks, '--matching', 'legacy', '--fa-pixels-per-image', 100, tmp_path=tmp_path
    )
    assert legacy['Pd'] == default['Pd_legacy']
    assert legacy['Fa'] == pytest.approx(1e6 * legacy['false_pixels'] / 400)
    strict = score(predictions, masks, '--threshold', 0.9, tmp_path=tmp_path)
    assert strict['fn'] > default['fn']
    edges = score(predictions, masks, '--size-edges', 5, tmp_path=tmp_path)
    assert 'Pd_over4px' in edges


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['{pred}', '{gt}/none'], 'folder not found'),
        (['{pred}', '{gt}', '--prediction-suffix', '_x'], "whose names end in '_x'"),
        (['{pred}', '{gt}', '--threshold', '1'], 'threshold=1.0'),
        (['{pred}', '{gt}', '--size-edges', '9', '4'], 'ascending'),
        (['{pred}', '{gt}', '--split', 'none.txt'], 'none.txt'),
        (['{pred}', '{gt}', '--split', 'sirst/idx_427_tset'], 'sirst/idx_427_test'),
        (['{pred}', '{gt}', '--max-distance', '-1'], 'max_distance=-1.0'),
        (['{pred}', '{gt}', '--curves', 'x', '--curve-bins', '0'], 'curve_bins=0'),
        (['{gt}', '{gt}', '--curves', 'x'], 'curves need probabilities'),
    ],
)
def test_commands_that_make_no_sense(folders, arguments, message, capsys):
    predictions, masks, _ = folders
    assert main([part.format(pred=predictions, gt=masks) for part in arguments]) == 2
    assert message in capsys.readouterr().err


def test_files_that_cannot_be_written_are_named(folders, tmp_path, capsys):
    predictions, masks, _ = folders
    (tmp_path / 'file').touch()
    target = tmp_path / 'file' / 'scores.json'
    assert main([str(predictions), str(masks), '--json', str(target)]) == 1
    assert str(tmp_path / 'file') in capsys.readouterr().err


def test_help_explains_the_exit_codes(capsys):
    with pytest.raises(SystemExit) as stop:
        main(['--help'])
    assert stop.value.code == 0
    assert 'exit codes of all sub-commands' in capsys.readouterr().out


def test_hiou_is_written_where_it_is_asked_for(folders, tmp_path, capsys):
    predictions, masks, _ = folders
    assert 'hIoU' not in score(predictions, masks, tmp_path=tmp_path)
    numbers = score(predictions, masks, '--hiou', tmp_path=tmp_path)
    located = numbers['LocIoU'] + sum(v for k, v in numbers.items() if k.startswith('Loc_'))
    assert located == pytest.approx(100)
    assert numbers['hIoU'] == pytest.approx(numbers['LocIoU'] * numbers['SegIoU'] / 100)
    assert '| hIoU % |' in capsys.readouterr().out


def test_gray_pixels_can_be_left_out_as_published_programs_do(tmp_path):
    """The gray pixel joins two targets and shifts the centroid."""
    mask = np.zeros((32, 32), dtype=np.uint8)
    mask[5:8, 5:8] = mask[5:8, 9:12] = 255
    mask[6, 8] = 128
    for folder, content in (('pred', np.uint8(255) * (mask == 255)), ('gt', mask)):
        (tmp_path / folder).mkdir()
        cv2.imwrite(str(tmp_path / folder / 'a.png'), content)
    folders = (tmp_path / 'pred', tmp_path / 'gt')
    all_pixels = score(*folders, tmp_path=tmp_path)
    assert (all_pixels['targets'], all_pixels['hits'], all_pixels['fn']) == (1, 1, 1)
    only_full = score(*folders, '--gt-threshold', 254, tmp_path=tmp_path)
    assert (only_full['targets'], only_full['hits'], only_full['fn']) == (2, 2, 0)


def _instances(mask, _):
    return cv2.connectedComponents(mask)[1].astype(np.uint8)


@pytest.mark.parametrize(
    'stored',
    [
        lambda mask, _: mask * np.uint8(255),
        lambda mask, k: mask * np.uint8(255 if k % 2 else 1),
        lambda mask, k: mask.astype(np.uint16) * (65535 if k % 2 else 1),
        _instances,
    ],
)
def test_masks_are_recognised_however_they_are_stored(folders, gt_masks, tmp_path, stored):
    found = tmp_path / 'found'
    found.mkdir()
    for k, (name, mask) in enumerate(gt_masks.items()):
        cv2.imwrite(str(found / f'{name}.png'), stored(mask, k))
    result = tmp_path / 'result.json'
    assert main([str(found), str(folders[1]), '--json', str(result)]) == 0
    assert json.loads(result.read_text())['IoU'] == 100


@pytest.mark.parametrize(
    'maps',
    [
        [[[0, 1, 2, 3]], [[0, 0, 2, 1]]],  # faint probabilities: a region has several values
        [[[0, 17]], [[203, 0]]],
        [[[0, 5, 0, 9]], [[0, 0, 0, 0]]],
    ],
)
def test_probabilities_are_no_masks(tmp_path, maps):
    for k, values in enumerate(maps):
        cv2.imwrite(str(tmp_path / f'{k}.png'), np.array(values, np.uint8))
    assert detect_kind(sorted(tmp_path.iterdir())) == 'probability'


def test_renamed_jpegs_are_refused(folders, tmp_path, capsys):
    predictions, masks, _ = folders
    for path in predictions.iterdir():
        path.unlink()
    for path in masks.iterdir():
        code = cv2.imencode('.jpg', cv2.imread(str(path), cv2.IMREAD_GRAYSCALE))[1]
        (predictions / path.name).write_bytes(code.tobytes())
    assert main([str(predictions), str(masks)]) == 1
    assert 'JPEG changes the values' in capsys.readouterr().err


def write_void_set(folder):
    """Two images with a target of 9 pixels in a ring of 16 void ones; predictions mark both."""
    label = np.zeros((20, 30), np.uint8)
    label[3:8, 4:9], label[4:7, 5:8] = 255, 1
    for name in ('pred', 'gt'):
        (folder / name).mkdir()
    for k in range(2):
        cv2.imwrite(str(folder / f'gt/{k}.png'), label)
        found = (label > 0).astype(np.uint8)
        found[15, 20 : 22 + k] = 1  # false
        cv2.imwrite(str(folder / f'pred/{k}.png'), found * 255)
    return folder / 'pred', folder / 'gt'


def test_void_pixels_are_left_out(tmp_path, capsys):
    pred, gt = write_void_set(tmp_path)
    assert main([str(pred), str(gt)]) == 1
    assert '--void-value 255' in capsys.readouterr().err
    numbers = score(pred, gt, '--void-value', 255, tmp_path=tmp_path)
    assert numbers['pixels'] == 2 * (600 - 16)
    assert (numbers['tp'], numbers['fp'], numbers['fn']) == (18, 5, 0)
    assert numbers['IoU'] == pytest.approx(100 * 18 / 23)
    assert numbers['Pd'] == 100
    assert numbers['Fa'] == pytest.approx(1e6 * 5 / (2 * 584))


def test_targets_of_255_are_not_taken_for_void_without_a_word(tmp_path, capsys):
    pred, gt = write_void_set(tmp_path)
    usual = cv2.imread(str(gt / '0.png'), cv2.IMREAD_UNCHANGED)
    cv2.imwrite(str(gt / '0.png'), (usual == 1).astype(np.uint8) * 255)
    assert main([str(pred), str(gt), '--void-value', '255']) == 0
    out = ' '.join(capsys.readouterr().out.split())
    assert 'note: 1 of 2 masks has void pixels (255) and no target' in out
    assert '0.png' in out
    cv2.imwrite(str(gt / '1.png'), (usual == 1).astype(np.uint8) * 255)
    assert main([str(pred), str(gt), '--void-value', '255']) == 2
    assert 'no mask has a target; 2 masks have void pixels (255)' in capsys.readouterr().err
