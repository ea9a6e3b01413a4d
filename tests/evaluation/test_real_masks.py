"""Target counts of the official test splits, on the real masks."""

import cv2
import pytest

from mmirstd.datasets.resampling import resize_mask
from mmirstd.datasets.splits import load_split
from mmirstd.evaluation.components import find_components
from mmirstd.evaluation.folder import score_folder
from mmirstd.evaluation.scorer import Scorer
from mmirstd.io.images.masks import read_mask

# The table "Evaluated size" of docs/reference/metrics.md: list, size, targets native, by Pillow,
# by OpenCV.
SIZES = [
    ('IRSTD-1k', 'irstd1k/basicirstd_test', 256, (297, 294, 291)),
    ('MDFA', 'mdfa/dnanet_10000_100_test', 128, (140, 136, 139)),
    ('SIRST', 'sirst/idx_427_test', 256, (109, 109, 109)),
]


@pytest.mark.parametrize(('folder', 'split', 'side', 'expected'), SIZES)
def test_targets_depend_on_the_evaluated_size(data_root, folder, split, side, expected):
    found = [0, 0, 0]
    for name in load_split(split).names:
        mask = read_mask(data_root / folder / 'masks' / f'{name}.png')
        by_opencv = cv2.resize(mask, (side, side), interpolation=cv2.INTER_NEAREST)
        for index, one in enumerate((mask, resize_mask(mask, (side, side)), by_opencv)):
            targets = find_components(one)
            assert len(targets) > 0 or index > 0, name
            found[index] += len(targets)
    assert tuple(found) == expected


def test_masks_as_predictions_are_perfect(data_root):
    masks = data_root / 'NUDT-SIRST' / 'masks'
    names = load_split('nudt/dnanet_50_50_test').names
    scores = score_folder(masks, masks, Scorer(), names=names).result.scores[0]
    assert (scores.images, scores.targets, scores.hits) == (664, 945, 945)
    assert (scores.tp, scores.fp, scores.fn, scores.false_pixels) == (28315, 0, 0, 0)
