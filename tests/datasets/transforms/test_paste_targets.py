"""Pasting targets: what is added where, what stays, and what is refused."""

import cv2
import numpy as np
import pytest
from mmengine.dataset import ConcatDataset
from mmseg.datasets import MultiImageMixDataset

from mmirstd.datasets.irstd import IRSTDDataset
from mmirstd.datasets.transforms import (
    CachedSteps,
    LoadIRImage,
    LoadMask,
    PasteTargets,
    StandardizeImage,
)


def donor(height=3.0, background=1.0, shape=(2, 3)):
    """A flat image with one flat target in its middle."""
    image = np.full((20, 20), background, np.float32)
    mask = np.zeros((20, 20), np.uint8)
    image[8 : 8 + shape[0], 9 : 9 + shape[1]] += height
    mask[8 : 8 + shape[0], 9 : 9 + shape[1]] = 1
    return {'img': image, 'gt_seg_map': mask}


def sample(*donors, value=-0.5, size=(32, 40), label=0):
    return {
        'img': np.full(size, value, np.float32),
        'gt_seg_map': np.full(size, label, np.uint8),
        'mix_results': list(donors),
    }


@pytest.fixture(autouse=True)
def _seed():
    np.random.seed(0)


def test_the_target_keeps_its_contrast_and_shape():
    results = PasteTargets(prob=1.0)(sample(donor(height=3.0, background=1.0)))
    target = results['gt_seg_map'] == 1
    assert target.sum() == 6
    rows, columns = np.nonzero(target)
    assert sorted([np.ptp(rows) + 1, np.ptp(columns) + 1]) == [2, 3]  # one of its symmetries
    # 3 above its background there, so 3 above the background here; the flat surroundings add 0.
    assert np.allclose(results['img'][target], -0.5 + 3.0)
    assert np.allclose(results['img'][~target], -0.5)


def test_the_edge_fades_out():
    blurred = donor()
    blurred['img'][7, 9:12] += 0.9  # light outside of the mask, one pixel above it
    blurred['img'][5, 9:12] += 0.9  # and three pixels above it, which is not the target's
    results = PasteTargets(prob=1.0, margin=6)(sample(blurred))
    around = results['img'][results['gt_seg_map'] == 0] + 0.5
    assert 0 < around.max() < 0.9  # weakened
    assert (around > 1e-6).sum() == 3


def test_every_donor_gives_one_target_and_none_touches_another():
    results = PasteTargets(prob=1.0, donors=3)(sample(*[donor()] * 3))
    assert (results['gt_seg_map'] == 1).sum() == 18


@pytest.mark.parametrize('label', [1, 255])
def test_nothing_is_pasted_over_targets_or_ignored_pixels(label):
    before = sample(donor(), label=label)
    results = PasteTargets(prob=1.0)(before)
    assert (results['gt_seg_map'] == label).all()
    assert (results['img'] == -0.5).all()


def test_what_could_not_be_seen_is_not_pasted():
    noisy = sample(donor(height=0.5))
    noisy['img'] += np.random.default_rng(0).normal(0, 2, noisy['img'].shape).astype(np.float32)
    assert not PasteTargets(prob=1.0)(noisy)['gt_seg_map'].any()


@pytest.mark.parametrize(
    'other',
    [
        {'img': np.ones((20, 20), np.float32), 'gt_seg_map': np.zeros((20, 20), np.uint8)},
        {'img': np.ones((20, 20), np.float32), 'gt_seg_map': np.ones((20, 20), np.uint8)},
        donor(shape=(2, 11)),
    ],
    ids=['no target', 'no background', 'too large'],
)
def test_donors_without_a_usable_target_add_nothing(other):
    results = PasteTargets(prob=1.0, max_side=10)(sample(other))
    assert not results['gt_seg_map'].any()
    assert (results['img'] == -0.5).all()


def test_probability_zero_changes_nothing_and_the_input_is_never_written_to():
    before = sample(donor())
    image, mask = before['img'], before['gt_seg_map']
    for array in (image, mask):
        array.setflags(write=False)
    assert PasteTargets(prob=0.0)(dict(before))['img'] is image
    assert PasteTargets(prob=1.0)(dict(before))['img'] is not image


def test_the_same_numbers_paste_the_same_target():
    first, second = (
        (np.random.seed(5), PasteTargets(prob=1.0)(sample(donor())))[1]['gt_seg_map']
        for _ in range(2)
    )
    assert (first == second).all()


def test_colour_images_are_pasted_channel_by_channel():
    other = donor()
    other['img'] = np.stack([other['img'], 2 * other['img']], axis=-1)
    before = sample(other)
    before['img'] = np.zeros((32, 40, 2), np.float32)
    results = PasteTargets(prob=1.0)(before)
    assert np.allclose(results['img'][results['gt_seg_map'] == 1], [3, 6])


def test_it_works_in_mmsegs_data_set(tmp_path):
    for folder in ('images', 'masks'):
        (tmp_path / folder).mkdir()
    for index in range(3):
        other = donor()
        cv2.imwrite(str(tmp_path / 'images' / f'{index}.png'), (other['img'] * 40).astype('uint8'))
        cv2.imwrite(str(tmp_path / 'masks' / f'{index}.png'), other['gt_seg_map'] * 255)
    (tmp_path / 'train.txt').write_text('0\n1\n2\n')
    inner = IRSTDDataset(
        data_root=str(tmp_path),
        split='train.txt',
        pipeline=[
            CachedSteps([LoadIRImage(channels=1), LoadMask(), StandardizeImage()]),
        ],
    )
    paste = {'type': 'mmirstd.PasteTargets', 'prob': 1.0, 'margin': 2, 'tries': 50}
    mixed = MultiImageMixDataset(ConcatDataset([inner]), [paste])
    for _ in range(2):  # the cache holds what was read, not what was pasted
        results = mixed[0]
        assert (results['gt_seg_map'] == 1).sum() > 6
        assert 'mix_results' not in results
    assert (inner[0]['gt_seg_map'] == 1).sum() == 6


def test_without_other_images_the_message_names_the_data_set():
    with pytest.raises(KeyError, match='MultiImageMixDataset'):
        PasteTargets()({'img': np.zeros((4, 4)), 'gt_seg_map': np.zeros((4, 4), np.uint8)})


@pytest.mark.parametrize(
    'wrong', [{'prob': 1.5}, {'donors': 0}, {'max_side': 1.5}, {'margin': 1}, {'tries': -1}]
)
def test_arguments_are_checked(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        PasteTargets(**wrong)
