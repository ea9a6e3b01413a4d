"""The image encoder of EfficientSAM: a plain ViT without class token and final norm."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from mmirstd.models.backbones.encoder_adaptation import check_arch
from mmirstd.models.backbones.promptable_encoder import (
    PromptableEncoder,
    build_vit,
    resize_position,
)
from mmirstd.models.layers.sam import SAMNeck
from mmirstd.registry import MODELS

ARCHITECTURES = {'tiny': 'vit_tiny_patch16_224', 'small': 'vit_small_patch16_224'}
"""Name -> timm model."""


@MODELS.register_module()
class EfficientSAMViT(PromptableEncoder):
    """ViT-Ti or S of EfficientSAM (Xiong et al., 2024); parameters have timm's names.

    Every block attends globally. Position embeddings keep the 14 x 14 grid of the pre-training
    at 224 x 224 and are interpolated to the grid of the image, as in the original.

    Args:
        arch: 'tiny' or 'small'.
        img_size: See :class:`PromptableEncoder`, as for the arguments that are not listed.
        pretrain_size: Image size that the position embeddings are made for.
        out_channels: Channels of the image embedding.
        embed_dims: Width instead of that of ``arch``.
        depth: Number of blocks instead of that of ``arch``.
        num_heads: Attention heads instead of those of ``arch``.
        drop_path_rate: Stochastic depth of the last block.

    Raises:
        ValueError: ``arch`` is not known.
    """

    keep_ratio = False

    def __init__(
        self,
        arch: str = 'tiny',
        img_size: int = 1024,
        *,
        pretrain_size: int = 224,
        out_channels: int = 256,
        embed_dims: int | None = None,
        depth: int | None = None,
        num_heads: int | None = None,
        drop_path_rate: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(img_size, early_features=False, **options)
        check_arch(arch, ARCHITECTURES)
        model = build_vit(
            ARCHITECTURES[arch],
            embed_dims=embed_dims,
            depth=depth,
            num_heads=num_heads,
            img_size=pretrain_size,
            class_token=False,
            global_pool='',
            drop_path_rate=drop_path_rate,
            dynamic_img_size=True,  # patches as a map, images of any size
        )
        self.patch_embed, self.blocks = model.patch_embed, model.blocks
        grid = pretrain_size // self.stride
        self.pos_embed = nn.Parameter(torch.empty(1, grid, grid, model.embed_dim))
        nn.init.trunc_normal_(self.pos_embed, std=0.02)
        self.neck = SAMNeck(model.embed_dim, out_channels)
        self.channels = [out_channels]
        self.finish()

    def embed(self, images: Tensor) -> tuple[Tensor, None]:
        """Image embedding of images (N, 3, H, W); there are no early features."""
        x = self.patch_embed(images)  # (N, h, w, C)
        size = x.shape[1:3]
        x = (x + resize_position(self.pos_embed, size)).flatten(1, 2)
        for block in self.blocks:
            x = self.run(block, x)
        return self.neck(x.transpose(1, 2).unflatten(2, size)), None
