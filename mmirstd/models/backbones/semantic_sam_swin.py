"""The image encoder of Semantic-SAM: MMSeg's Swin Transformer on a square image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from mmseg.models.backbones import SwinTransformer
from torch import Tensor

from mmirstd.models.backbones.encoder_adaptation import EncoderAdaptation, check_arch
from mmirstd.registry import MODELS

ARCHITECTURES = {
    'tiny': {'embed_dims': 96, 'depths': (2, 2, 6, 2), 'num_heads': (3, 6, 12, 24)},
    'large': {
        'embed_dims': 192,
        'depths': (2, 2, 18, 2),
        'num_heads': (6, 12, 24, 48),
        'window_size': 12,
        'pretrain_img_size': 384,
    },
}
"""Name -> sizes of the published models."""


@MODELS.register_module()
class SemanticSAMSwin(EncoderAdaptation, SwinTransformer):
    """Swin-T or Swin-L of Semantic-SAM for images of any size, gray or colour.

    Parameters have MMSeg's names. timm's Swin shifts windows before it pads
    them, which would change the output at most image sizes.

    Args:
        arch: 'tiny' or 'large'.
        img_size: Side of the square that images are stretched to, a multiple of 32. Semantic-SAM
            was trained on 1024.
        drop_path_rate: Stochastic depth of the last block (0.3 in Semantic-SAM's training).
        frozen: See
            :meth:`~mmirstd.models.backbones.encoder_adaptation.EncoderAdaptation.configure`.
        with_cp: Recompute the blocks in the backward pass instead of storing their activations.
        lora: See ``frozen``.
        init_cfg: MMEngine's initialisation.
        **sizes: Other arguments of MMSeg's ``SwinTransformer``, instead of those of ``arch``.

    Raises:
        ValueError: ``arch`` is not known, ``img_size`` is not a positive multiple of 32, or both
            ``frozen`` and ``lora`` are set.
    """

    stride = 32

    def __init__(
        self,
        arch: str = 'tiny',
        img_size: int = 1024,
        *,
        drop_path_rate: float = 0.3,
        frozen: bool = False,
        with_cp: bool = False,
        lora: Mapping[str, Any] | None = None,
        init_cfg: dict | None = None,
        **sizes: Any,
    ) -> None:
        check_arch(arch, ARCHITECTURES)
        super().__init__(
            **{**ARCHITECTURES[arch], **sizes},
            drop_path_rate=drop_path_rate,
            with_cp=with_cp,
            init_cfg=init_cfg,
        )
        self.configure(img_size, frozen=frozen, lora=lora)
        self.channels = self.num_features
        self.finish()

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Encode normalised images.

        Args:
            images: (N, 1 or 3, H, W) of any size.

        Returns:
            Maps (N, C_i, img_size / s, img_size / s) at strides s = 4, 8, 16, 32.
        """
        return self.encode(self.fit(images))

    def encode(self, images: Tensor) -> tuple[Tensor, ...]:
        """As :meth:`forward`, for RGB images (N, 3, H, W) at their own size."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            return tuple(super().forward(images))
