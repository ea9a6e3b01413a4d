"""Base class of the image encoders of the SAM family: input size, freezing, adaptation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import timm
import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mmirstd.models.backbones.encoder_adaptation import EncoderAdaptation


class PromptableEncoder(EncoderAdaptation, BaseModule):
    """An encoder whose embedding is the input of a promptable mask decoder.

    Images of any size, gray or colour, are stretched to the square that the model was trained
    on. If ``img_size`` is not the pre-training size, position encodings are interpolated, so
    parameters have the shapes of the published checkpoints at every size.

    Args:
        img_size: Side in pixels of the square that images are stretched to, a multiple of 16. The
            published weights expect 1024. A smaller size is faster and coarser: the side of the
            masks is a quarter of it.
        early_features: Also return the early features that SAM-HQ reads.
        frozen: Do not train the encoder: norms keep their statistics, gradients are not stored.
        with_cp: Recompute the blocks in the backward pass instead of storing their activations.
        lora: Arguments of :func:`mmirstd.models.layers.lora.add_lora`: the encoder is frozen
            except for low-rank updates. An empty dict uses the defaults.
        init_cfg: MMEngine's initialisation.

    Raises:
        ValueError: ``img_size`` is not a positive multiple of 16, or both ``frozen`` and ``lora``
            are set.
    """

    def __init__(
        self,
        img_size: int = 1024,
        *,
        early_features: bool = False,
        frozen: bool = False,
        with_cp: bool = False,
        lora: Mapping[str, Any] | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.configure(img_size, frozen=frozen, lora=lora)
        self.early_features = early_features
        self.with_cp = with_cp

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Encode normalised images.

        Args:
            images: (N, 1 or 3, H, W) of any size.

        Returns:
            The image embedding (N, D, img_size / 16, img_size / 16) and, with
            ``early_features``, the early features (N, C, img_size / 16, img_size / 16).
        """
        return self.encode(self.fit(images))

    def encode(self, images: Tensor) -> tuple[Tensor, ...]:
        """As :meth:`forward`, for RGB images (N, 3, H, W) whose sides are multiples of 16."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            embedding, early = self.embed(images)
        return (embedding, early) if self.early_features else (embedding,)

    def embed(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        """Image embedding and, if there are any, early features of images (N, 3, H, W)."""
        raise NotImplementedError

    def run(self, block: nn.Module, x: Tensor) -> Tensor:
        """Apply a block; with ``with_cp``, recompute it in the backward pass."""
        if self.with_cp and torch.is_grad_enabled():
            return checkpoint(block, x, use_reentrant=False)
        return block(x)


def build_vit(
    name: str, *, embed_dims: int | None, depth: int | None, num_heads: int | None, **options: Any
) -> nn.Module:
    """Build timm's ViT ``name`` without a head; width, blocks and heads replace its own if given.

    Args:
        name: Model of timm.
        embed_dims: Width.
        depth: Number of blocks.
        num_heads: Attention heads.
        **options: Further arguments of timm's model.
    """
    sizes = {'embed_dim': embed_dims, 'depth': depth, 'num_heads': num_heads}
    given = {key: value for key, value in sizes.items() if value is not None}
    return timm.create_model(name, num_classes=0, **options, **given)


def resize_position(position: Tensor, size: tuple[int, int]) -> Tensor:
    """Interpolate a position embedding (1, h, w, C) to ``size`` as SAM does.

    Bicubic without antialiasing. timm's own resizing averages when it shrinks, which differs by
    about 1e-2 from the resizing that SAM's and EfficientSAM's weights were evaluated with.
    """
    if tuple(position.shape[1:3]) == tuple(size):
        return position
    resized = F.interpolate(position.permute(0, 3, 1, 2).float(), size, mode='bicubic')
    return resized.permute(0, 2, 3, 1).to(position.dtype)
