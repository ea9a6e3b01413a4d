"""UIU-Net: U-Net in U-Net (Wu, Hong, Chanussot, TIP 2023, arXiv:2212.00968)."""

import torch
from torch import Tensor, nn

from mmirstd.models.backbones.irstd_backbone import IRSTDBackbone
from mmirstd.models.layers.asymmetric_fusion import InteractiveCrossFusion
from mmirstd.models.layers.residual_u_block import ResidualUBlock, halve, resize_like
from mmirstd.registry import MODELS


@MODELS.register_module()
class UIUNet(IRSTDBackbone):
    """U2-Net whose skip connections are interactive-cross fusions.

    Height and width may have any size: pooling rounds up, and upsampling takes the skip's size.

    Args:
        in_channels: Channels of the image.
        init_cfg: See `IRSTDBackbone`.

    Returns:
        The deepest map and the five decoder maps at strides 32, 16, 8, 4, 2, 1 with 512, 512,
        256, 128, 64, 64 channels.
    """

    out_channels = (512, 512, 256, 128, 64, 64)

    def __init__(self, in_channels: int = 3, *, init_cfg: dict | list | None = None) -> None:
        super().__init__(in_channels, init_cfg=init_cfg)
        self.encoder = nn.ModuleList(
            [
                ResidualUBlock(in_channels, 32, 64, 7),
                ResidualUBlock(64, 32, 128, 6),
                ResidualUBlock(128, 64, 256, 5),
                ResidualUBlock(256, 128, 512, 4),
                ResidualUBlock(512, 256, 512, 4, dilated=True),
                ResidualUBlock(512, 256, 512, 4, dilated=True),
            ]
        )
        # From deep to shallow. The shallowest skip is a plain concatenation.
        self.fusions = nn.ModuleList(
            InteractiveCrossFusion(channels) for channels in (512, 512, 256, 128)
        )
        self.decoder = nn.ModuleList(
            [
                ResidualUBlock(1024, 256, 512, 4, dilated=True),
                ResidualUBlock(1024, 128, 256, 4),
                ResidualUBlock(512, 64, 128, 5),
                ResidualUBlock(256, 32, 64, 6),
                ResidualUBlock(128, 16, 64, 7),
            ]
        )

    def features(self, image: Tensor) -> tuple[Tensor, ...]:
        """See the class."""
        skips: list[Tensor] = []
        x = image
        for stage, block in enumerate(self.encoder):
            x = block(halve(x) if stage else x)
            skips.append(x)
        maps = [skips.pop()]
        for stage, block in enumerate(self.decoder):
            low = skips.pop()
            high = resize_like(maps[-1], low)
            if stage < len(self.fusions):
                fused = self.fusions[stage](high, low)
            else:
                fused = torch.cat([high, low], dim=1)
            maps.append(block(fused))
        return tuple(maps)
