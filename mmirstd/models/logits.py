"""Logits of the mask that a segmentor predicts, without the outputs that only training needs."""

from __future__ import annotations

from torch import Tensor, nn

from mmirstd.models.decode_heads.mask_head import MaskHead


def predict_logits(segmentor: nn.Module, images: Tensor) -> Tensor:
    """Logits of the mask that an MMSeg segmentor predicts.

    Args:
        segmentor: Has ``extract_feat`` and one ``decode_head``: one of this package, or a stock
            head whose ``forward`` returns logits.
        images: Normalised images (N, C, H, W).

    Returns:
        (N, K, h, w), one channel per output of the head, at the head's own resolution.
    """
    features, head = segmentor.extract_feat(images), segmentor.decode_head
    return head.predict_logits(features) if isinstance(head, MaskHead) else head(features)
