"""Max and Oracle IoU by hand, and through MMEngine's metric."""

import numpy as np
import pytest
import torch

from mmirstd.evaluation.one_click import OneClickIoUMetric, granularity_ious, max_and_oracle


def logits_of(mask: torch.Tensor) -> torch.Tensor:
    return mask.float() * 20 - 10


def prediction() -> tuple[torch.Tensor, torch.Tensor]:
    """One prompt with three masks on 8 x 12 pixels (logits at stride 1) and its ground truth."""
    gt_mask = torch.zeros(1, 8, 12)
    gt_mask[0, 2:6, 2:6] = 1  # 16 pixels
    masks = torch.zeros(1, 3, 8, 12)
    masks[0, 0, 2:6, 2:6] = 1  # IoU 1
    masks[0, 1, 2:6, 2:10] = 1  # 16 / 32
    masks[0, 2, 6:8, :] = 1  # 0
    return logits_of(masks), gt_mask


def test_ious_by_hand():
    logits, gt_mask = prediction()
    torch.testing.assert_close(
        granularity_ious(logits, gt_mask, (8, 12)), torch.tensor([[1, 0.5, 0]])
    )
    # The lower two rows and right two columns are padding: cropped before counting.
    cut = granularity_ious(logits, gt_mask[:, :6, :7], (8, 12))
    torch.testing.assert_close(cut, torch.tensor([[1, 16 / 20, 0]]))


def test_logits_are_enlarged():
    coarse = torch.full((1, 1, 4, 4), -5.0)
    coarse[..., 1:3, 1:3] = 5.0
    gt_mask = torch.zeros(1, 16, 16)
    gt_mask[:, 4:12, 4:12] = 1
    assert granularity_ious(coarse, gt_mask, (16, 16)).item() > 0.7
    assert granularity_ious(coarse[:0], gt_mask[:0], (16, 16)).shape == (0, 1)


def test_max_and_oracle_by_hand():
    ious = torch.tensor([[1.0, 0.5, 0.0], [0.2, 0.4, 0.3]])
    scores = torch.tensor([[0.1, 0.9, 0.2], [0.0, 3.0, 1.0]])
    chosen, best = max_and_oracle(ious, scores)
    torch.testing.assert_close(chosen, torch.tensor([0.5, 0.4]))
    torch.testing.assert_close(best, torch.tensor([1.0, 0.4]))


def test_oracle_is_never_below_max():
    generator = torch.Generator().manual_seed(0)
    ious, scores = (torch.rand(200, 6, generator=generator) for _ in range(2))
    chosen, best = max_and_oracle(ious, scores)
    assert (best >= chosen).all()
    assert (best > chosen).any()


def test_no_image_has_no_score():
    scores = OneClickIoUMetric().compute_metrics([])
    assert np.isnan([scores['max'], scores['oracle']]).all()
    assert scores['segments'] == 0


def test_metric_averages_over_segments_not_images():
    logits, gt_mask = prediction()
    metric = OneClickIoUMetric()
    for count, best_rated in ((1, 0), (3, 2)):
        scores = torch.zeros(count, 3)
        scores[:, best_rated] = 1
        sample = {
            'masks': logits.expand(count, -1, -1, -1),
            'ious': scores,
            'padded_size': (8, 12),
        }
        metric.process({'data_samples': {'masks': [gt_mask.expand(count, -1, -1)]}}, [sample])
    scores = metric.evaluate(size=2)
    assert scores == {
        'one_click/max': pytest.approx(25.0),
        'one_click/oracle': pytest.approx(100.0),
        'one_click/segments': 4,
    }
