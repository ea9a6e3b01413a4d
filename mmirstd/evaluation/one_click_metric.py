"""Max and Oracle IoU of one click per segment as an MMEngine metric."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmengine.evaluator import BaseMetric

from mmirstd.evaluation.one_click import granularity_ious, max_and_oracle
from mmirstd.registry import METRICS


@METRICS.register_module()
class OneClickIoUMetric(BaseMetric):
    """One click per segment, averaged over all segments of the data set.

    ``one_click/max`` is the IoU in percent of the mask with the highest predicted quality,
    ``one_click/oracle`` that of the best of the masks. Semantic-SAM's README gives 55.1 and 74.1
    for Swin-L on COCO-2017 panoptic val.

    Predictions are dictionaries with ``masks`` (N, G, h, w), ``ious`` (N, G) and ``padded_size``;
    truth is ``data_samples['masks']`` of the batch, (N, H, W).

    Args:
        collect_device: As in MMEngine.
        prefix: As in MMEngine.
    """

    default_prefix = 'one_click'

    def __init__(self, collect_device: str = 'cpu', prefix: str | None = None) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Keep two numbers per segment."""
        truths = data_batch['data_samples']['masks']
        for prediction, truth in zip(data_samples, truths, strict=True):
            masks = prediction['masks']
            ious = granularity_ious(masks, truth.to(masks.device), prediction['padded_size'])
            chosen, best = max_and_oracle(ious, prediction['ious'])
            self.results.append(torch.stack([chosen, best], dim=1).cpu().numpy())

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Means over the segments of all images; nan where there is none."""
        both = torch.cat([torch.from_numpy(each) for each in results]).double()
        return {
            'max': float(100 * both[:, 0].mean()),
            'oracle': float(100 * both[:, 1].mean()),
            'segments': float(len(both)),
        }
