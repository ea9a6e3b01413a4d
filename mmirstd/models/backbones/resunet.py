"""Residual U-Net: the plain model that BasicIRSTD compares with under the name ResUNet."""

from collections.abc import Sequence

from torch import Tensor

from mmirstd.models.backbones.irstd_backbone import IRSTDBackbone
from mmirstd.models.layers.u_net import residual_u_net, resize_aligned, u_net_maps
from mmirstd.registry import MODELS


@MODELS.register_module()
class ResUNet(IRSTDBackbone):
    """U-Net of residual blocks without attention; bilinear upsampling with aligned corners.

    The defaults are those of the public code; there is no paper of this variant.

    Args:
        in_channels: Channels of the image.
        channels: Channels of the levels; the last one is the bottom.
        blocks: Residual blocks of the encoder's levels.
        decoder_blocks: Residual blocks of the decoder's levels, shallow to deep.
        init_cfg: See `IRSTDBackbone`.

    Returns:
        Bottom and decoder maps, deep to shallow: 128, 64, 32, 16 channels at strides 8, 4, 2, 1.
    """

    def __init__(
        self,
        in_channels: int = 1,
        *,
        channels: Sequence[int] = (16, 32, 64, 128),
        blocks: Sequence[int] = (1, 2, 2, 2),
        decoder_blocks: Sequence[int] = (1, 1, 1),
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(in_channels, size_multiple=2 ** (len(channels) - 1), init_cfg=init_cfg)
        self.encoder, self.decoder = residual_u_net(
            in_channels, channels, blocks, decoder_blocks, bias=True
        )
        self.out_channels = tuple(channels[::-1])

    def features(self, image: Tensor) -> tuple[Tensor, ...]:
        """See the class."""
        return u_net_maps(image, self.encoder, [resize_aligned] * len(self.decoder), self.decoder)
