"""Base class of every head of this package: returns the logits of the predicted mask."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import Tensor


class MaskHead(BaseDecodeHead):
    """Base class of the heads: `forward` returns all supervised outputs, `predict` one mask."""

    def predict_logits(self, features: Sequence[Tensor]) -> Tensor:
        """Logits of the predicted mask, without the outputs that only training needs.

        Args:
            features: Maps of the backbone or neck, possibly
                :class:`~mmirstd.models.features.FeatureMaps`.

        Returns:
            (N, 1, h, w), at the resolution at which the head works.
        """
        return self(features)

    def loss(
        self, inputs: Sequence[Tensor], batch_data_samples: list, train_cfg: Any
    ) -> dict[str, Tensor]:
        """Losses of all outputs. Unlike in MMSeg, the hooks of `forward` are run."""
        return self.loss_by_feat(self(inputs), batch_data_samples)

    def predict(
        self, inputs: Sequence[Tensor], batch_img_metas: list[dict], test_cfg: Any
    ) -> Tensor:
        """Logits (N, 1, H, W) at the size of the batch; see `BaseDecodeHead.predict`."""
        # Resizing and thresholds need more than the 8 bits of bfloat16.
        logits = self.predict_logits(inputs)
        wide = torch.promote_types(logits.dtype, torch.float32)
        return self.predict_by_feat(logits.to(wide), batch_img_metas)
