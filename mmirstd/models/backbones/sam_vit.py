"""The image encoder of SAM and SAM-HQ: timm's ViT with windows and relative positions."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from torch import Tensor, nn

from mmirstd.models.backbones.encoder_adaptation import check_arch
from mmirstd.models.backbones.promptable_encoder import (
    PromptableEncoder,
    build_vit,
    resize_position,
)
from mmirstd.registry import MODELS

ARCHITECTURES = {
    'base': ('samvit_base_patch16', (2, 5, 8, 11)),
    'large': ('samvit_large_patch16', (5, 11, 17, 23)),
    'huge': ('samvit_huge_patch16', (7, 15, 23, 31)),
}
"""Name -> timm model and its blocks with global attention."""


@MODELS.register_module()
class SAMViT(PromptableEncoder):
    """ViT-B, L or H of SAM (Kirillov et al., 2023); parameters have timm's names.

    Early features are the output of the first block with global attention, as SAM-HQ reads them.

    Args:
        arch: 'base', 'large' or 'huge'.
        img_size: See :class:`PromptableEncoder`, as for the arguments that are not listed.
        pretrain_size: Image size that the position embeddings are made for.
        out_channels: Channels of the image embedding.
        embed_dims: Width instead of that of ``arch``.
        depth: Number of blocks instead of that of ``arch``.
        num_heads: Attention heads instead of those of ``arch``.
        window_size: Side of the attention windows in patches.
        global_blocks: Blocks with global attention instead of those of ``arch``.
        drop_path_rate: Stochastic depth of the last block.

    Raises:
        ValueError: ``arch`` is not known.
    """

    def __init__(
        self,
        arch: str = 'base',
        img_size: int = 1024,
        *,
        pretrain_size: int = 1024,
        out_channels: int = 256,
        embed_dims: int | None = None,
        depth: int | None = None,
        num_heads: int | None = None,
        window_size: int = 14,
        global_blocks: Sequence[int] | None = None,
        drop_path_rate: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(img_size, **options)
        check_arch(arch, ARCHITECTURES)
        name, arch_global_blocks = ARCHITECTURES[arch]
        global_blocks = tuple(arch_global_blocks if global_blocks is None else global_blocks)
        model = build_vit(
            name,
            embed_dims=embed_dims,
            depth=depth,
            num_heads=num_heads,
            img_size=pretrain_size,
            window_size=window_size,
            global_attn_indexes=global_blocks,
            neck_chans=out_channels,
            drop_path_rate=drop_path_rate,
            norm_layer=partial(nn.LayerNorm, eps=1e-6),  # timm's default is 1e-5, SAM's 1e-6
        )
        self.patch_embed, self.pos_embed = model.patch_embed, model.pos_embed
        self.blocks, self.neck = model.blocks, model.neck
        nn.init.trunc_normal_(self.pos_embed, std=0.02)  # timm leaves zeros
        self.early_block = global_blocks[0]
        self.channels = [out_channels, model.embed_dim]
        self.finish()

    def embed(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Image embedding and early features of images (N, 3, H, W)."""
        x = self.patch_embed(images)  # (N, h, w, C)
        x = early = x + resize_position(self.pos_embed, x.shape[1:3])
        for index, block in enumerate(self.blocks):
            x = self.run(block, x)
            if index == self.early_block:
                early = x
        return self.neck(x.permute(0, 3, 1, 2)), early.permute(0, 3, 1, 2)
