"""How well one click per segment is answered: Max and Oracle IoU (Semantic-SAM's evaluation).

Letters: N prompts, G masks per prompt, H x W size of the image, h x w size of the logits.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


@torch.no_grad()
def granularity_ious(logits: Tensor, masks: Tensor, padded_size: tuple[int, int]) -> Tensor:
    """IoU of every predicted mask with the segment that was clicked.

    Logits are enlarged bilinearly to the padded image, cropped to the image and thresholded at 0.

    Args:
        logits: (N, G, h, w), of the padded image.
        masks: (N, H, W), non-zero inside of the segments.
        padded_size: Height and width that the logits cover.

    Returns:
        (N, G) in [0, 1].
    """
    height, width = masks.shape[-2:]
    rows = []
    for prediction, mask in zip(logits, masks, strict=True):  # all at full size would not fit
        full = F.interpolate(
            prediction[None].float(), padded_size, mode='bilinear', align_corners=False
        )[0, :, :height, :width]
        found, wanted = full > 0, mask > 0
        union = (found | wanted).sum((1, 2))
        rows.append((found & wanted).sum((1, 2)) / union.clamp(min=1))
    return torch.stack(rows) if rows else logits.new_zeros(0, logits.shape[1])


def max_and_oracle(ious: Tensor, scores: Tensor) -> tuple[Tensor, Tensor]:
    """Per prompt: IoU of the mask that the network rates best, and of the best mask.

    Args:
        ious: (N, G).
        scores: Predicted quality (N, G).

    Returns:
        Max (N,) and Oracle (N,); Oracle is never below Max.
    """
    chosen = ious.gather(1, scores.argmax(1, keepdim=True))[:, 0]
    return chosen, ious.max(1).values
