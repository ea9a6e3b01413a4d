"""Parts of SAM that SimIRSTD and the SAM family share (Kirillov et al., 2023).

Shapes: N batch, Q tokens of the decoder, T image tokens, D width.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from timm.layers import LayerNorm2d
from torch import Tensor, nn

from mmirstd.models.layers.attention import Attention, ReadAttention, WriteAttention
from mmirstd.models.layers.feed_forward import FeedForward


class TwoWayAttentionBlock(nn.Module):
    """One layer of the two-way transformer; parameter names are SAM's.

    Args:
        embed_dims: Width D.
        num_heads: Attention heads.
        mlp_dims: Hidden width of the MLP.
        attention_downsample: The cross-attentions project to D divided by this.
        skip_first_position: Attend without positions and without residual, as the first layer does.
        activation: Activation of the MLP.
    """

    def __init__(
        self,
        embed_dims: int,
        num_heads: int = 8,
        *,
        mlp_dims: int = 2048,
        attention_downsample: int = 2,
        skip_first_position: bool = False,
        activation: Callable[[Tensor], Tensor] = torch.relu_,
    ) -> None:
        super().__init__()
        inner = embed_dims // attention_downsample
        self.self_attn = Attention(embed_dims, num_heads)
        self.norm1 = nn.LayerNorm(embed_dims)
        self.cross_attn_token_to_image = ReadAttention(embed_dims, num_heads, inner_dims=inner)
        self.norm2 = nn.LayerNorm(embed_dims)
        self.mlp = FeedForward(embed_dims, mlp_dims, activation=activation)
        self.norm3 = nn.LayerNorm(embed_dims)
        self.norm4 = nn.LayerNorm(embed_dims)
        self.cross_attn_image_to_token = WriteAttention(embed_dims, num_heads, inner_dims=inner)
        self.skip_first_position = skip_first_position

    def forward(
        self, tokens: Tensor, image: Tensor, token_position: Tensor, image_position: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Update ``tokens`` (N, Q, D) and ``image`` (N, T, D); positions broadcast to them."""
        tokens = self.norm1(self._attend_to_each_other(tokens, token_position))
        placed_image = image + image_position
        tokens = self.norm2(
            tokens + self.cross_attn_token_to_image(tokens + token_position, placed_image, image)
        )
        tokens = self.norm3(tokens + self.mlp(tokens))
        image = self.cross_attn_image_to_token(
            placed_image, tokens + token_position, tokens, residual=image
        )
        return tokens, self.norm4(image)

    def _attend_to_each_other(self, tokens: Tensor, token_position: Tensor) -> Tensor:
        if self.skip_first_position:
            return self.self_attn(tokens, tokens, tokens)
        placed = tokens + token_position
        return tokens + self.self_attn(placed, placed, tokens)


class EfficientTwoWayAttentionBlock(TwoWayAttentionBlock):
    """EfficientSAM's layer, which adds the position to the tokens before the self-attention.

    The first layer has a residual but no position. Later layers add the position to the tokens
    themselves, so it is also part of the residual and of the values.
    """

    def _attend_to_each_other(self, tokens: Tensor, token_position: Tensor) -> Tensor:
        if not self.skip_first_position:
            tokens = tokens + token_position
        return tokens + self.self_attn(tokens, tokens, tokens)


class TwoWayTransformer(nn.Module):
    """SAM's decoder core: tokens and image attend to each other; parameter names are SAM's.

    Args:
        depth: Number of layers.
        embed_dims: Width D.
        num_heads: Attention heads.
        mlp_dims: Hidden width of the MLPs.
        attention_downsample: The cross-attentions project to D divided by this.
        block: Class of the layers.
        activation: Activation of the MLPs.
    """

    def __init__(
        self,
        depth: int = 2,
        embed_dims: int = 256,
        num_heads: int = 8,
        *,
        mlp_dims: int = 2048,
        attention_downsample: int = 2,
        block: type[TwoWayAttentionBlock] = TwoWayAttentionBlock,
        activation: Callable[[Tensor], Tensor] = torch.relu_,
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            block(
                embed_dims,
                num_heads,
                mlp_dims=mlp_dims,
                attention_downsample=attention_downsample,
                skip_first_position=layer == 0,
                activation=activation,
            )
            for layer in range(depth)
        )
        self.final_attn_token_to_image = ReadAttention(
            embed_dims, num_heads, inner_dims=embed_dims // attention_downsample
        )
        self.norm_final_attn = nn.LayerNorm(embed_dims)

    def forward(
        self,
        tokens: Tensor,
        image: Tensor,
        token_position: Tensor,
        image_position: Tensor,
        num_outputs: int | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Run the transformer.

        Args:
            tokens: (N, Q, D).
            image: (N, T, D).
            token_position: Position of the tokens, broadcastable to them. SAM uses the initial
                tokens themselves, SimIRSTD learned embeddings.
            image_position: Position of the image tokens, broadcastable to (N, T, D).
            num_outputs: Compute only the first n tokens in the last attention, which treats each
                token separately; None computes all.

        Returns:
            Tokens (N, num_outputs or Q, D) and image (N, T, D).
        """
        for layer in self.layers:
            tokens, image = layer(tokens, image, token_position, image_position)
        tokens = tokens[:, :num_outputs]
        placed = tokens + token_position[..., :num_outputs, :]
        read = self.final_attn_token_to_image(placed, image + image_position, image)
        return self.norm_final_attn(tokens + read), image


class MaskPromptEncoder(nn.Sequential):
    """Mask logits as a dense prompt; layer numbers are those of SAM's ``mask_downscaling``.

    Args:
        embed_dims: Width of the image embedding.
        mask_dims: Widths of the two hidden layers.
        stride: Stride and kernel of the first two convolutions: 2 in SAM, which reduces the
            side of the mask by four. None keeps the resolution with a 1x1 and a 3x3 convolution,
            as in SimIRSTD's release.
    """

    def __init__(
        self,
        embed_dims: int = 256,
        mask_dims: tuple[int, int] = (4, 16),
        *,
        stride: int | None = 2,
    ) -> None:
        first, second = mask_dims
        if stride is None:
            convs = nn.Conv2d(1, first, 1), nn.Conv2d(first, second, 3, padding=1)
        else:
            convs = (
                nn.Conv2d(1, first, stride, stride),
                nn.Conv2d(first, second, stride, stride),
            )
        super().__init__(
            convs[0],
            LayerNorm2d(first),
            nn.GELU(),
            convs[1],
            LayerNorm2d(second),
            nn.GELU(),
            nn.Conv2d(second, embed_dims, 1),
        )


class SAMNeck(nn.Sequential):
    """Convert the width of the encoder to that of the decoder; layer numbers are SAM's ``neck``.

    Args:
        in_channels: Channels of the encoder's last map.
        out_channels: Channels of the image embedding.
    """

    def __init__(self, in_channels: int, out_channels: int = 256) -> None:
        super().__init__(
            nn.Conv2d(in_channels, out_channels, 1, bias=False),
            LayerNorm2d(out_channels),
            nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False),
            LayerNorm2d(out_channels),
        )
