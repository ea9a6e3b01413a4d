"""U-Net (Ronneberger et al., MICCAI 2015, arXiv:1505.04597) as BasicIRSTD builds it."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn
from torchvision.ops import Conv2dNormActivation

from mmirstd.models.backbones.irstd_backbone import IRSTDBackbone
from mmirstd.models.layers.u_net import double_conv, u_net_maps
from mmirstd.registry import MODELS


@MODELS.register_module()
class UNet(IRSTDBackbone):
    """Two padded convolutions per level; nearest-neighbour upsampling and a convolution.

    MMSegmentation's own ``UNet`` has different layers: 1x1 convolutions after bilinear upsampling
    and no biases.

    Args:
        in_channels: Channels of the image.
        channels: Channels of the levels; the last one is the bottom.
        init_cfg: See `IRSTDBackbone`.

    Returns:
        Bottom and decoder maps, deep to shallow: 1024, 512, 256, 128, 64 channels at strides 16,
        8, 4, 2, 1.
    """

    def __init__(
        self,
        in_channels: int = 1,
        *,
        channels: Sequence[int] = (64, 128, 256, 512, 1024),
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(in_channels, size_multiple=2 ** (len(channels) - 1), init_cfg=init_cfg)
        self.encoder = nn.ModuleList(
            double_conv(before, after) for before, after in pairwise([in_channels, *channels])
        )
        deep_first = list(channels)[::-1]
        self.upsample = nn.ModuleList(
            nn.Sequential(nn.Upsample(scale_factor=2), Conv2dNormActivation(deep, width, bias=True))
            for deep, width in pairwise(deep_first)
        )
        self.decoder = nn.ModuleList(double_conv(2 * width, width) for width in deep_first[1:])
        self.out_channels = tuple(deep_first)

    def features(self, image: Tensor) -> tuple[Tensor, ...]:
        """See the class."""
        return u_net_maps(image, self.encoder, self.upsample, self.decoder)
