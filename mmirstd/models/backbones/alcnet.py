"""ALCNet: Attentional Local Contrast Networks (Dai et al., TGRS 2021, arXiv:2012.08573)."""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from mmirstd.models.backbones.body import IRSTDBody
from mmirstd.models.layers.local_contrast import BottomUpFusion, multiscale_local_contrast
from mmirstd.models.layers.residual_unet import ResidualEncoder
from mmirstd.registry import MODELS


@MODELS.register_module()
class ALCNet(IRSTDBody):
    """Residual encoder, local contrast at every level, bottom-up fusion.

    Written from the paper alone: no expected output of an original was at hand, so neither
    equality of results nor of weights is claimed (docs/networks.md).

    Args:
        in_channels: Channels of the image.
        channels: Channels of the stem and of the three stages.
        blocks: Residual blocks of each stage.
        distances: Distances of the local contrast, in pixels of the image, rounded to cells of
            the map and at least one. Our choice.
        init_cfg: See `IRSTDBody`.

    Returns:
        Contrast of the deepest stage and the two fused maps: 64, 32, 16 channels at strides 16,
        8, 4.
    """

    def __init__(
        self,
        in_channels: int = 3,
        *,
        channels: Sequence[int] = (8, 16, 32, 64),
        blocks: Sequence[int] = (4, 4, 4),
        distances: Sequence[int] = (13, 17),
        init_cfg: dict | list | None = None,
    ) -> None:
        encoder = ResidualEncoder(in_channels, channels, blocks)
        super().__init__(in_channels, size_multiple=encoder.stride, init_cfg=init_cfg)
        self.encoder = encoder
        self.distances = tuple(distances)
        stages = list(channels)[1:]
        self.fusions = nn.ModuleList(
            BottomUpFusion(low, high)
            for high, low in zip(stages[:0:-1], stages[-2::-1], strict=True)
        )
        self.out_channels = tuple(stages[::-1])

    def _contrast(self, x: Tensor, stride: int) -> Tensor:
        cells = sorted({max(1, round(distance / stride)) for distance in self.distances})
        return multiscale_local_contrast(x, cells)

    def features(self, image: Tensor) -> tuple[Tensor, ...]:
        """See the class."""
        maps = self.encoder(image)
        strides = [self.encoder.stride // 2**level for level in range(len(maps))][::-1]
        *skips, x = (
            self._contrast(each, stride) for each, stride in zip(maps, strides, strict=True)
        )
        decoded = [x]
        for fusion in self.fusions:
            x = F.interpolate(x, scale_factor=2, mode='bilinear', align_corners=False)
            x = fusion(x, skips.pop())
            decoded.append(x)
        return tuple(decoded)
