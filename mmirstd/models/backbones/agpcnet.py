"""AGPCNet: Attention-Guided Pyramid Context Network (Zhang et al., TAES 2023, arXiv:2111.03580)."""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.ops import Conv2dNormActivation

from mmirstd.models.backbones.irstd_backbone import IRSTDBackbone
from mmirstd.models.layers.asymmetric_fusion import GatedSumFusion
from mmirstd.models.layers.context_pyramid import ContextPyramid
from mmirstd.models.layers.residual import residual_stage
from mmirstd.registry import MODELS


@MODELS.register_module()
class AGPCNet(IRSTDBackbone):
    """ResNet-18 that starts at full resolution, a context pyramid, two asymmetric fusions.

    Images are padded to multiples of 4 and, with the default scales, to at least 80 pixels, so that
    every patch of the context contains a pixel.

    Args:
        in_channels: Channels of the image.
        channels: Channels of the four stages at strides 1, 2, 4, 8.
        blocks: Residual blocks of each stage.
        scales: Number of patches along each side, one entry per block of the context. The released
            ``agpcnet_1`` has 10, 6, 5, 3 and ``agpcnet_2`` 10, 6, 5, 4; their checkpoints have the
            same keys and shapes, so no loader can distinguish them.
        init_cfg: See `IRSTDBackbone`.

    Returns:
        The context and the two fused maps: 512, 256, 128 channels at strides 8, 4, 2.
    """

    def __init__(
        self,
        in_channels: int = 3,
        *,
        channels: Sequence[int] = (64, 128, 256, 512),
        blocks: Sequence[int] = (2, 2, 2, 2),
        scales: Sequence[int] = (10, 6, 5, 3),
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(
            in_channels, size_multiple=4, minimum_size=8 * max(scales), init_cfg=init_cfg
        )
        self.stem = Conv2dNormActivation(in_channels, channels[0], 7, bias=False)
        inputs = [channels[0], *channels[:-1]]
        self.encoder = nn.ModuleList(
            residual_stage(count, before, after, stride=2 if index else 1)
            for index, (count, before, after) in enumerate(
                zip(blocks, inputs, channels, strict=True)
            )
        )
        self.context = ContextPyramid(channels[-1], scales)
        self.fusions = nn.ModuleList(
            GatedSumFusion(low, high)
            for high, low in zip(channels[:1:-1], channels[-2:0:-1], strict=True)
        )
        self.out_channels = tuple(channels[:0:-1])

    def features(self, image: Tensor) -> tuple[Tensor, ...]:
        """See the class."""
        x, skips = self.stem(image), []
        for stage in self.encoder:
            x = stage(x)
            skips.append(x)
        maps = [self.context(skips.pop())]
        for fusion in self.fusions:
            skip = skips.pop()
            high = F.interpolate(
                maps[-1], size=skip.shape[-2:], mode='bilinear', align_corners=True
            )
            maps.append(fusion(high, skip))
        return tuple(maps)
