"""Max and Oracle IoU of the masks for one click per segment (Semantic-SAM's evaluation).

Shapes: N prompts, G masks per prompt, H x W size of the image, h x w size of the logits.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.evaluator import BaseMetric
from torch import Tensor

from mmirstd.registry import METRICS


@torch.no_grad()
def granularity_ious(logits: Tensor, masks: Tensor, padded_size: tuple[int, int]) -> Tensor:
    """IoU of every predicted mask with the clicked segment.

    Logits are enlarged bilinearly to the padded image, cropped to the image and thresholded at 0.

    Args:
        logits: (N, G, h, w), of the padded image.
        masks: (N, H, W), non-zero inside of the segments.
        padded_size: Height and width of the padded image.

    Returns:
        (N, G) in [0, 1].
    """
    height, width = masks.shape[-2:]
    rows = []
    for prediction, mask in zip(logits, masks, strict=True):  # all at full size need much memory
        full = F.interpolate(
            prediction[None].float(), padded_size, mode='bilinear', align_corners=False
        )[0, :, :height, :width]
        found, segment = full > 0, mask > 0
        union = (found | segment).sum((1, 2))
        rows.append((found & segment).sum((1, 2)) / union.clamp(min=1))
    return torch.stack(rows) if rows else logits.new_zeros(0, logits.shape[1])


def max_and_oracle(ious: Tensor, scores: Tensor) -> tuple[Tensor, Tensor]:
    """IoU (N,) of the mask with the highest predicted score, and of the best mask.

    Both arguments are (N, G).
    """
    chosen = ious.gather(1, scores.argmax(1, keepdim=True))[:, 0]
    return chosen, ious.max(1).values


@METRICS.register_module()
class OneClickIoUMetric(BaseMetric):
    """IoU for one click per segment, averaged over all segments of the dataset.

    ``one_click/max`` is the IoU in percent of the mask with the highest predicted quality,
    ``one_click/oracle`` that of the best mask. Semantic-SAM's README gives 55.1 and 74.1 for Swin-L
    on COCO-2017 panoptic val. Arguments are those of MMEngine's ``BaseMetric``.

    Predictions are dictionaries with ``masks`` (N, G, h, w), ``ious`` (N, G) and ``padded_size``;
    ground truth is ``data_samples['masks']`` of the batch, (N, H, W).
    """

    default_prefix = 'one_click'

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Keep two numbers per segment."""
        gt_masks = data_batch['data_samples']['masks']
        for prediction, gt_mask in zip(data_samples, gt_masks, strict=True):
            masks = prediction['masks']
            ious = granularity_ious(masks, gt_mask.to(masks.device), prediction['padded_size'])
            chosen, best = max_and_oracle(ious, prediction['ious'])
            self.results.append(torch.stack([chosen, best], dim=1).cpu().numpy())

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Means over the segments of all images; NaN if there are none."""
        both = torch.cat([torch.zeros(0, 2), *map(torch.from_numpy, results)]).double()
        chosen, best = (100 * both.mean(0)).tolist()
        return {'max': chosen, 'oracle': best, 'segments': float(len(both))}
