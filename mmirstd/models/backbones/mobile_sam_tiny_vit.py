"""The image encoder of MobileSAM: timm's TinyViT whose last stage keeps the resolution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from timm.models.tiny_vit import TinyVit
from torch import Tensor, nn

from mmirstd.models.backbones.promptable_encoder import PromptableEncoder
from mmirstd.models.layers.sam import SAMNeck
from mmirstd.registry import MODELS

_EARLY_STAGE = 2
"""MobileSAM's code counts the patch merging before this stage as the end of its second layer."""


@MODELS.register_module()
class MobileSAMTinyViT(PromptableEncoder):
    """TinyViT-5M of MobileSAM (Zhang et al., 2023) and of SAM-HQ's smallest model.

    Parameters have timm's names. The third patch merging has stride 1, so that the embedding is
    1/16 of the image as in SAM. Early features are the output of the second patch merging, 1/16
    of the image as well. With ``with_cp`` the running statistics of BatchNorm are updated twice
    per step, in the forward pass and in its repetition.

    Args:
        img_size: See :class:`PromptableEncoder`, as for the arguments that are not listed.
        out_channels: Channels of the image embedding.
        embed_dims: Widths of the four stages.
        depths: Blocks of the four stages.
        num_heads: Attention heads of the four stages (the first has none).
        window_sizes: Sides of the attention windows of the four stages.
        drop_path_rate: Stochastic depth of the last block.
    """

    def __init__(
        self,
        img_size: int = 1024,
        *,
        out_channels: int = 256,
        embed_dims: Sequence[int] = (64, 128, 160, 320),
        depths: Sequence[int] = (2, 2, 6, 2),
        num_heads: Sequence[int] = (2, 4, 5, 10),
        window_sizes: Sequence[int] = (7, 7, 14, 7),
        drop_path_rate: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(img_size, **options)
        model = TinyVit(
            num_classes=0,
            embed_dims=tuple(embed_dims),
            depths=tuple(depths),
            num_heads=tuple(num_heads),
            window_sizes=tuple(window_sizes),
            drop_path_rate=drop_path_rate,
        )
        self.patch_embed, self.stages = model.patch_embed, model.stages
        self.stages[-1].downsample.conv2.conv.stride = (1, 1)
        self.neck = SAMNeck(embed_dims[-1], out_channels)
        self.channels = [out_channels, embed_dims[_EARLY_STAGE]]
        self.register_load_state_dict_post_hook(_forget_cached_biases)
        self.finish()

    def embed(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Image embedding and early features of images (N, 3, H, W)."""
        x = early = self.patch_embed(images)
        for index, stage in enumerate(self.stages):
            if index == _EARLY_STAGE:
                x = early = stage.downsample(x)
                x = self.run(stage.blocks, x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
            else:
                x = self.run(stage, x)
        return self.neck(x), early


def _forget_cached_biases(module: nn.Module, incompatible_keys: object) -> None:
    """Drop biases that timm caches in evaluation mode and would keep when weights are loaded."""
    del incompatible_keys
    for part in module.modules():
        if hasattr(part, 'attention_bias_cache'):
            part.attention_bias_cache = {}
