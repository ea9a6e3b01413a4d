"""Sheets: rows by columns, mixed sizes, insets, missing parts."""

import numpy as np
import pytest

from mmirstd.visualization.canvas import COLOURS
from mmirstd.visualization.outcomes import FALSE_ALARM, HIT, MISS, UNSCORED
from mmirstd.visualization.sheet import SheetRow, make_sheet

CELL = 96


def _row(shape, dtype=np.uint8, name='row', models=('A',)):
    rng = np.random.default_rng(1)
    image = (rng.random(shape) * 100).astype(dtype)
    gt_mask = np.zeros(shape, np.uint8)
    gt_mask[5, 7] = 1
    image[5, 7] = 200
    predictions = {model: np.roll(gt_mask, 10 * k, axis=0) for k, model in enumerate(models)}
    return SheetRow(name, image, gt_mask, predictions)


def _cell(sheet, line, column):
    top = 22 + line * (CELL + 26)
    left = 4 + column * (CELL + 4)
    return sheet[top : top + CELL, left : left + CELL]


def _has(picture, kind):
    return bool((picture == COLOURS[kind]).all(axis=-1).any())


def test_columns_are_image_gt_mask_and_models():
    rows = [_row((40, 40), models=('A', 'B')), _row((31, 57), np.uint16, models=('A', 'B'))]
    sheet = make_sheet(rows, cell=CELL)
    assert sheet.shape == (22 + 2 * (CELL + 26), 4 * (CELL + 4) + 4, 3)
    for line in range(2):
        image, gt_mask, first, second = (_cell(sheet, line, column) for column in range(4))
        assert not any(_has(image, kind) for kind in (HIT, MISS, FALSE_ALARM, UNSCORED))
        assert _has(gt_mask, UNSCORED)
        assert _has(first, HIT)
        assert not _has(first, MISS)
        assert _has(second, MISS)
        assert _has(second, FALSE_ALARM)
        assert not _has(second, HIT)


def test_rows_may_lack_gt_mask_targets_and_models():
    blank = np.zeros((40, 40), np.uint8)
    rows = [
        _row((40, 40)),
        SheetRow('no mask', blank, None, {'A': blank}),
        SheetRow('no model', blank, blank),
        SheetRow('nothing', blank),
    ]
    sheet = make_sheet(rows, cell=CELL)
    assert len(np.unique(_cell(sheet, 2, 2))) == 1  # paper
    assert not _has(_cell(sheet, 1, 2), HIT)


def test_gt_mask_column_is_left_out_when_no_row_has_it():
    row = _row((40, 40))
    sheet = make_sheet([SheetRow('x', row.image, None, row.predictions)], cell=CELL)
    assert sheet.shape[1] == 2 * (CELL + 4) + 4
    # The prediction is in the second column, drawn without a verdict.
    assert _has(_cell(sheet, 0, 1), UNSCORED)
    assert not _has(_cell(sheet, 0, 0), UNSCORED)
    with_gt_mask = make_sheet([row], cell=CELL)
    np.testing.assert_array_equal(_cell(sheet, 0, 0), _cell(with_gt_mask, 0, 0))
    assert with_gt_mask.shape[1] == 3 * (CELL + 4) + 4


def test_inset_enlarges_the_target_in_the_far_corner():
    row = _row((40, 40))
    with_inset = _cell(make_sheet([row], cell=CELL), 0, 0)
    without = _cell(make_sheet([row], cell=CELL, inset=False), 0, 0)
    changed = np.argwhere((with_inset != without).any(axis=-1))
    assert changed.min() > CELL // 2 - 1  # target is top left, inset bottom right
    assert (with_inset[changed.min(0)[0], changed.min(0)[1]] == 255).all()


@pytest.mark.parametrize('shape', [(5, 5), (1, 9), (300, 20)])
def test_extreme_shapes(shape):
    image = np.zeros(shape, np.uint8)
    mask = np.zeros(shape, np.uint8)
    mask[0, 0] = 1
    sheet = make_sheet([SheetRow('x', image, mask, {'A': mask})], cell=CELL)
    assert _has(sheet, HIT)


def test_errors_name_the_row():
    with pytest.raises(ValueError, match='at least one'):
        make_sheet([])
    with pytest.raises(ValueError, match="row 'bad': A has the shape"):
        make_sheet([SheetRow('bad', np.zeros((9, 9)), None, {'A': np.zeros((8, 9))})])
