"""Pixels that are not to be judged: no loss of a config sees what a model says about them."""

import pytest
import torch
from mmseg.registry import MODELS

LOSSES = {
    'soft IoU': {'type': 'mmirstd.SoftIoULoss'},
    'soft IoU per image': {'type': 'mmirstd.SoftIoULoss', 'smooth': 0.0, 'per_image': True},
    'SLS': {'type': 'mmirstd.SLSIoULoss'},
    'edges': {'type': 'mmirstd.EdgeLoss'},
    'every pixel': {'type': 'mmirstd.PointMaskLoss', 'num_points': None},
    'points': {'type': 'mmirstd.PointMaskLoss', 'num_points': 200},
    'cross entropy': {'type': 'CrossEntropyLoss', 'use_sigmoid': True, 'avg_non_ignore': True},
}


@pytest.fixture
def label():
    """Targets with a ring of void pixels, and a void stripe."""
    label = torch.zeros(2, 12, 16, dtype=torch.long)
    label[:, 3:8, 4:9] = 255
    label[:, 4:7, 5:8] = 1
    label[1, 10:] = 255
    return label


@pytest.mark.parametrize('name', LOSSES)
def test_what_a_model_says_about_void_pixels_has_no_influence(label, name):
    loss = MODELS.build(LOSSES[name])
    torch.manual_seed(0)
    logits = torch.randn(2, 1, 12, 16, requires_grad=True)
    value = loss(logits, label, ignore_index=255)
    value.backward()
    void = (label == 255)[:, None]
    assert (logits.grad[void] == 0).all()
    assert (logits.grad[~void] != 0).any()
    if name == 'points':
        return  # where the points lie depends on all logits
    other = torch.where(void, torch.randn(2, 1, 12, 16) * 9, logits.detach())
    torch.testing.assert_close(loss(other, label, ignore_index=255), value.detach())


def test_soft_iou_of_void_pixels_by_hand(label):
    logits = torch.where(label == 1, 30.0, -30.0)[:, None]
    logits[:, :, :, :2] = 30.0  # false: 2 columns of 12 rows, of which 2 rows are void in image 2
    loss = MODELS.build({'type': 'mmirstd.SoftIoULoss', 'smooth': 0.0, 'per_image': True})
    expected = 1 - (9 / (9 + 24) + 9 / (9 + 20)) / 2
    assert loss(logits, label, ignore_index=255).item() == pytest.approx(expected, rel=1e-6)
