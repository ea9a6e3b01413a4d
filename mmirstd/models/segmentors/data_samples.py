"""What MMSegmentation hands to a metric, turned into numpy arrays of one image.

Shapes: C channels of the model's output; H, W size of the evaluated image in pixels.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf, log
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray


def read_prediction(
    sample: Mapping[str, Any], threshold: float, name: str
) -> tuple[NDArray[np.bool_], NDArray[np.float32] | None]:
    """Read the predicted mask and the probability it was made from.

    MMSegmentation stores under ``seg_logits`` *probabilities* for one output channel (it has
    applied the sigmoid) and logits for two. Its own ``pred_sem_seg`` is used only where there is
    nothing else, because it was thresholded by ``decode_head.threshold``, 0.3 by
    default.

    Args:
        sample: One output of the model, as a dict.
        threshold: A pixel is predicted where its probability is above.
        name: Name of the image for error messages.

    Returns:
        (H, W) mask and (H, W) probability; the latter is None where only a mask was stored.

    Raises:
        ValueError: There is no prediction, it has an unexpected shape, or its values are not
            probabilities.
    """
    if 'seg_logits' not in sample:
        if 'pred_sem_seg' not in sample:
            raise ValueError(f'{name}: the model returned neither seg_logits nor pred_sem_seg')
        return _plane(sample['pred_sem_seg']['data'], 'pred_sem_seg', name).numpy() != 0, None

    scores = sample['seg_logits']['data'].detach()
    if scores.ndim == 4 and scores.shape[0] == 1:
        scores = scores[0]
    if scores.ndim != 3 or scores.shape[0] not in (1, 2):
        raise ValueError(
            f'{name}: seg_logits has the shape {tuple(scores.shape)}; IRSTDMetric reads (1, H, W) '
            'probabilities or (2, H, W) logits of background and target'
        )
    scores = scores.float()
    if not torch.isfinite(scores).all():
        raise ValueError(f'{name}: the prediction contains NaN or infinity')
    if scores.shape[0] == 1:
        probability = scores[0]
        low, high = probability.aminmax()
        if low < 0 or high > 1:
            raise ValueError(
                f'{name}: the one-channel seg_logits are in [{low:.3g}, {high:.3g}], but '
                'MMSegmentation stores probabilities there; apply the sigmoid in postprocess_result'
            )
        mask = probability > threshold
    else:
        margin = scores[1] - scores[0]
        probability = margin.sigmoid()
        # On the margin, because the float sigmoid rounds tiny positive margins to exactly 0.5.
        mask = margin > (log(threshold / (1 - threshold)) if threshold > 0 else -inf)
    return mask.cpu().numpy(), probability.cpu().numpy()


def read_gt_mask(
    sample: Mapping[str, Any], shape: tuple[int, ...], ignore_index: int | None, name: str
) -> tuple[NDArray[np.bool_], NDArray[np.bool_] | None]:
    """Read the ground-truth mask.

    Args:
        sample: One output of the model, as a dict.
        shape: (H, W) of the prediction.
        ignore_index: Label of pixels that are not evaluated, or None.
        name: Name of the image for error messages.

    Returns:
        (H, W) mask, and (H, W) ignored pixels or None where there are none.

    Raises:
        ValueError: There is no ground truth, its size is not the prediction's, or it holds
            labels other than 0, 1 and ``ignore_index``.
    """
    if 'gt_sem_seg' not in sample:
        raise ValueError(
            f'{name}: no ground truth (gt_sem_seg). For images without masks, write predictions '
            'without scoring them: --out DIR --cfg-options test_evaluator.format_only=True. '
            'Otherwise the test pipeline lacks mmirstd.LoadMask (or LoadAnnotations)'
        )
    gt_mask = _plane(sample['gt_sem_seg']['data'], 'gt_sem_seg', name).numpy()
    if gt_mask.shape != shape:
        raise ValueError(
            f'{name}: the prediction has the shape {shape}, the ground truth {gt_mask.shape}. '
            'MMSegmentation restores the original size of the image, so LoadAnnotations must '
            'follow Resize in the test pipeline, and mask and image files must agree in size'
        )
    is_target = gt_mask == 1
    rest = gt_mask[~is_target & (gt_mask != 0)]
    if not rest.size:
        return is_target, None
    if ignore_index is None or (rest != ignore_index).any():
        labels = sorted({0, *np.unique(rest).tolist()} - {ignore_index})
        raise ValueError(
            f'{name}: the ground truth holds the labels {labels}, expected 0 and 1'
            + (f' (and {ignore_index}: ignored)' if ignore_index is not None else '')
            + '. Grey or 0/255 masks need mmirstd.BinarizeMask in the test pipeline'
        )
    return is_target, gt_mask == ignore_index


def _plane(data: torch.Tensor, key: str, name: str) -> torch.Tensor:
    """Drop the leading axes of length 1 of ``data`` and bring (H, W) to the CPU."""
    while data.ndim > 2 and data.shape[0] == 1:
        data = data[0]
    if data.ndim != 2:
        raise ValueError(f'{name}: {key} has the shape {tuple(data.shape)}, expected (1, H, W)')
    return data.detach().cpu()
