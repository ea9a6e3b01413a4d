"""The logits that a segmentor predicts, without what only training needs."""

from __future__ import annotations

from torch import Tensor, nn


def predict_logits(model: nn.Module, images: Tensor) -> Tensor:
    """Logits (N, 1, h, w) of the mask that is predicted, and nothing that only training needs.

    Args:
        model: An MMSeg segmentor with a decode head.
        images: Normalised images (N, C, H, W).
    """
    features = model.extract_feat(images)
    head = model.decode_head
    if hasattr(head, 'decode_final'):
        return head.decode_final(features)
    metas = [{'img_shape': tuple(images.shape[-2:])}] * len(images)
    return head.predict(features, metas, model.test_cfg)
