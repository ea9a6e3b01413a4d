"""Traps of MMSegmentation for one output channel and 0/255 masks: shown, and kept out.

Each `stock` test documents the behaviour that our own part replaces; it fails once
MMSegmentation is repaired. TTA, --out, --show-dir and AMP are in test_mim.py, unsafe and
truncated checkpoints in test_checkpoints.py.
"""

import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope, init_default_scope
from mmseg.models.losses import CrossEntropyLoss, DiceLoss, TverskyLoss
from mmseg.registry import TRANSFORMS

IGNORE = 255


@pytest.fixture
def gt_mask() -> torch.Tensor:
    mask = torch.zeros(1, 8, 8, dtype=torch.long)
    mask[:, 2:4, 2:4] = 1
    return mask


@pytest.fixture
def perfect_logits(gt_mask) -> torch.Tensor:
    return torch.where(gt_mask[:, None] == 1, 20.0, -20.0)


def test_stock_dice_loss_is_inverted_for_one_channel(gt_mask, perfect_logits):
    loss = DiceLoss(use_sigmoid=True)
    assert loss(perfect_logits, gt_mask) > 0.99
    assert loss(-perfect_logits, gt_mask) < 0.01


def test_stock_tversky_loss_is_always_zero_for_one_channel(gt_mask, perfect_logits):
    loss = TverskyLoss()
    assert loss(perfect_logits, gt_mask) == loss(-perfect_logits, gt_mask) == 0


def test_stock_losses_cannot_see_targets_of_value_255(gt_mask, perfect_logits):
    """255 is `ignore_index`: missing every target costs nothing."""
    loss = CrossEntropyLoss(use_sigmoid=True)
    all_background = torch.full_like(perfect_logits, -20.0)
    found = loss(perfect_logits, gt_mask * IGNORE, ignore_index=IGNORE)
    missed = loss(all_background, gt_mask * IGNORE, ignore_index=IGNORE)
    assert found == missed
    assert loss(all_background, gt_mask, ignore_index=IGNORE) > 0.5


def loaded_values(mask_path, transform: dict) -> list[int]:
    init_default_scope('mmseg')
    try:
        results = {'seg_map_path': str(mask_path), 'seg_fields': [], 'reduce_zero_label': None}
        results |= {'img_path': str(mask_path), 'ori_shape': (8, 8)}
        results = TRANSFORMS.build(transform)(results)
    finally:
        DefaultScope._instance_dict.clear()
    return sorted(np.unique(results['gt_seg_map']).tolist())


@pytest.fixture
def mask_of_255(tmp_path):
    mask = np.zeros((8, 8), np.uint8)
    mask[2:4, 2:4] = 255
    path = tmp_path / 'mask.png'
    cv2.imwrite(str(path), mask)
    return path


def test_stock_loading_keeps_255(mask_of_255):
    assert loaded_values(mask_of_255, {'type': 'LoadAnnotations'}) == [0, IGNORE]


def test_our_loading_makes_255_a_target(mask_of_255):
    assert loaded_values(mask_of_255, {'type': 'mmirstd.LoadMask'}) == [0, 1]
