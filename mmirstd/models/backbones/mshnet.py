"""MSHNet: Multi-Scale Head for a plain U-Net (Liu et al., CVPR 2024, arXiv:2403.19366)."""

from collections.abc import Sequence

from torch import Tensor, nn

from mmirstd.models.backbones.irstd_backbone import IRSTDBackbone
from mmirstd.models.layers.attention_gates import CBAM
from mmirstd.models.layers.u_net import residual_u_net, resize_aligned, u_net_maps
from mmirstd.registry import MODELS


@MODELS.register_module()
class MSHNet(IRSTDBackbone):
    """Plain U-Net of residual blocks with CBAM.

    Args:
        in_channels: Channels of the image.
        channels: Channels of the levels; the last one is the bottom.
        blocks: Residual blocks of the levels, the same in encoder and decoder.
        init_cfg: See `IRSTDBackbone`.

    Returns:
        Decoder maps, deep to shallow: 128, 64, 32, 16 channels at strides 8, 4, 2, 1.
    """

    def __init__(
        self,
        in_channels: int = 3,
        *,
        channels: Sequence[int] = (16, 32, 64, 128, 256),
        blocks: Sequence[int] = (1, 2, 2, 2, 2),
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(in_channels, size_multiple=2 ** (len(channels) - 1), init_cfg=init_cfg)
        self.entry = nn.Conv2d(in_channels, channels[0], 1)
        self.encoder, self.decoder = residual_u_net(
            channels[0], channels, blocks, blocks[:-1], bias=True, attention=CBAM
        )
        self.out_channels = tuple(channels[-2::-1])

    def features(self, image: Tensor) -> tuple[Tensor, ...]:
        """See the class."""
        upsample = [resize_aligned] * len(self.decoder)
        return u_net_maps(self.entry(image), self.encoder, upsample, self.decoder)[1:]
