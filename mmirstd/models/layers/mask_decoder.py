"""Mask decoders of the SAM family; they share the two-way transformer with SimIRSTD.

Shapes: N images, B prompts, M masks of a prompt, Q sparse tokens, D width, h/w size of the
image embedding (1/16 of the encoder's image), E width of the mask features.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from timm.layers import LayerNorm2d
from torch import Tensor, nn

from mmirstd.models.layers.conv import to_map, to_tokens
from mmirstd.models.layers.feed_forward import MLP
from mmirstd.models.layers.sam import (
    EfficientTwoWayAttentionBlock,
    TwoWayAttentionBlock,
    TwoWayTransformer,
)


class SAMMaskDecoder(nn.Module):
    """Mask decoder of SAM and MobileSAM; parameter names are SAM's.

    Args:
        embed_dims: Width D of the image embedding.
        num_masks: Mask tokens M: the single mask of an unambiguous prompt, then three levels of
            detail for an ambiguous one.
        depth: Layers of the two-way transformer.
        num_heads: Attention heads.
        mlp_dims: Hidden width of the transformer's MLPs.
        attention_downsample: Cross-attentions project to D divided by this.
    """

    block: type[TwoWayAttentionBlock] = TwoWayAttentionBlock
    hidden_activation: Callable[[Tensor], Tensor] = staticmethod(torch.relu)

    def __init__(
        self,
        embed_dims: int = 256,
        *,
        num_masks: int = 4,
        depth: int = 2,
        num_heads: int = 8,
        mlp_dims: int = 2048,
        attention_downsample: int = 2,
    ) -> None:
        super().__init__()
        self.transformer = TwoWayTransformer(
            depth,
            embed_dims,
            num_heads,
            mlp_dims=mlp_dims,
            attention_downsample=attention_downsample,
            block=self.block,
            activation=self.hidden_activation,
        )
        self.iou_token = nn.Embedding(1, embed_dims)
        self.mask_tokens = nn.Embedding(num_masks, embed_dims)
        first, second = embed_dims // 4, embed_dims // 8
        self.output_upscaling = nn.Sequential(
            nn.ConvTranspose2d(embed_dims, first, 2, stride=2),
            self.upscaling_norm(first),
            nn.GELU(),
            nn.ConvTranspose2d(first, second, 2, stride=2),
            nn.GELU(),
        )
        self.output_hypernetworks_mlps = nn.ModuleList(
            self._mlp(embed_dims, second) for _ in range(num_masks)
        )
        self.iou_prediction_head = self._mlp(embed_dims, num_masks)

    def _mlp(self, embed_dims: int, out_dims: int) -> MLP:
        return MLP(embed_dims, embed_dims, out_dims, activation=self.hidden_activation)

    @staticmethod
    def upscaling_norm(channels: int) -> nn.Module:
        """Norm between the two upsampling layers."""
        return LayerNorm2d(channels)

    def output_tokens(self) -> Tensor:
        """The decoder's own tokens, which come before those of the prompt: IoU, then masks."""
        return torch.cat([self.iou_token.weight, self.mask_tokens.weight])

    def forward(
        self,
        image: Tensor,
        image_position: Tensor,
        sparse: Tensor,
        dense: Tensor | None = None,
        early: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Decode the masks of each prompt.

        One of N and B may be 1: several prompts for one image, or one prompt for every image.

        Args:
            image: Image embedding (N, D, h, w).
            image_position: Position of its pixels (h * w, D).
            sparse: Prompt tokens (B, Q, D); Q may be 0.
            dense: Dense prompt, broadcastable to (B, D, h, w); None adds nothing.
            early: Early features of the encoder (N, C, h, w), which only SAM-HQ reads.

        Returns:
            Mask logits (B or N, M, 4 h, 4 w) and predicted IoUs (B or N, num_masks).
        """
        tokens, upscaled = self._transform(image, image_position, sparse, dense)
        return self._masks(tokens, upscaled), self.iou_prediction_head(tokens[:, 0])

    def _transform(
        self, image: Tensor, image_position: Tensor, sparse: Tensor, dense: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """The decoder's own tokens (B, T, D) and the mask features (B, E, 4 h, 4 w)."""
        own = self.output_tokens()
        if dense is not None:
            image = image + dense.to(image.dtype)
        b = max(len(image), len(sparse))
        own_and_prompt = torch.cat([own.expand(b, -1, -1), sparse.expand(b, -1, -1)], dim=1)
        tokens, pixels = self.transformer(
            own_and_prompt,
            to_tokens(image.expand(b, -1, -1, -1)),
            own_and_prompt,
            image_position.to(image.dtype),
            num_outputs=len(own),
        )
        return tokens, self.output_upscaling(to_map(pixels, tuple(image.shape[-2:])))

    def _masks(self, tokens: Tensor, upscaled: Tensor) -> Tensor:
        filters = [mlp(tokens[:, 1 + i]) for i, mlp in enumerate(self.output_hypernetworks_mlps)]
        return torch.einsum('bmc,bchw->bmhw', torch.stack(filters, dim=1), upscaled)


class HQMaskDecoder(SAMMaskDecoder):
    """Mask decoder of SAM-HQ, with one more token whose mask also uses early features.

    Its output has one more mask than SAM's: the high-quality mask, which is the last one.

    Args:
        embed_dims: Width D of the image embedding.
        early_channels: Channels C of the early features: the encoder's first global block (768,
            1024, 1280 for ViT-B, L, H), or 160 for TinyViT.
        decoder: See :class:`SAMMaskDecoder`.
    """

    def __init__(self, embed_dims: int = 256, early_channels: int = 768, **decoder: int) -> None:
        super().__init__(embed_dims, **decoder)
        second = embed_dims // 8
        self.hf_token = nn.Embedding(1, embed_dims)
        self.hf_mlp = self._mlp(embed_dims, second)
        self.compress_vit_feat = _upscaling(early_channels, embed_dims, second)
        self.embedding_encoder = _upscaling(embed_dims, embed_dims // 4, second)
        self.embedding_maskfeature = nn.Sequential(
            nn.Conv2d(second, embed_dims // 4, 3, padding=1),
            LayerNorm2d(embed_dims // 4),
            nn.GELU(),
            nn.Conv2d(embed_dims // 4, second, 3, padding=1),
        )

    def output_tokens(self) -> Tensor:
        """IoU, masks, then the high-quality token."""
        return torch.cat([super().output_tokens(), self.hf_token.weight])

    def forward(
        self,
        image: Tensor,
        image_position: Tensor,
        sparse: Tensor,
        dense: Tensor | None = None,
        early: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Decode the masks of each prompt; see :meth:`SAMMaskDecoder.forward`.

        Returns:
            Mask logits (B or N, num_masks + 1, 4 h, 4 w), the high-quality mask last, and the
            predicted IoUs (B or N, num_masks) of the others.

        Raises:
            ValueError: There are no early features.
        """
        if early is None:
            raise ValueError('SAM-HQ needs early features: build the encoder with early_features')
        tokens, upscaled = self._transform(image, image_position, sparse, dense)
        fine = self.embedding_encoder(image) + self.compress_vit_feat(early)
        fine = self.embedding_maskfeature(upscaled) + fine
        fine_filter = self.hf_mlp(tokens[:, -1])
        fine_mask = torch.einsum('bc,bchw->bhw', fine_filter, fine)[:, None]
        masks = torch.cat([self._masks(tokens, upscaled), fine_mask], dim=1)
        return masks, self.iou_prediction_head(tokens[:, 0])


class EfficientSAMMaskDecoder(SAMMaskDecoder):
    """Mask decoder of EfficientSAM.

    It differs from SAM's in the order of positions and residuals in the self-attentions, and has
    GELU in all MLPs and a GroupNorm with a single group between the upsampling layers.
    """

    block = EfficientTwoWayAttentionBlock
    hidden_activation = staticmethod(F.gelu)

    @staticmethod
    def upscaling_norm(channels: int) -> nn.Module:
        """Norm between the two upsampling layers."""
        return nn.GroupNorm(1, channels)


def _upscaling(in_channels: int, hidden_channels: int, out_channels: int) -> nn.Sequential:
    """Four times the resolution in two steps."""
    return nn.Sequential(
        nn.ConvTranspose2d(in_channels, hidden_channels, 2, stride=2),
        LayerNorm2d(hidden_channels),
        nn.GELU(),
        nn.ConvTranspose2d(hidden_channels, out_channels, 2, stride=2),
    )
