"""ACM: Asymmetric Contextual Modulation (Dai et al., WACV 2021, arXiv:2009.14530)."""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from mmirstd.models.backbones.irstd_backbone import IRSTDBackbone
from mmirstd.models.layers.asymmetric_fusion import AsymmetricFusion
from mmirstd.models.layers.residual_unet import ResidualEncoder, ResidualUNetDecoder
from mmirstd.registry import MODELS


@MODELS.register_module()
class ACM(IRSTDBackbone):
    """Residual encoder with a U-Net or FPN decoder whose skips are asymmetric fusions.

    Four code bases have this name; the arguments choose among them (docs/reference/models.md). The
    defaults are the authors' U-Net.

    Args:
        in_channels: Channels of the image.
        channels: Channels of the stem and of the three stages.
        blocks: Residual blocks of each stage; the published command uses 4, BasicIRSTD 3.
        decoder: ``'unet'`` with transposed convolutions, or ``'fpn'`` with bilinear upsampling.
        project_high: Apply 1x1 conv - BN - ReLU to the deep map before each fusion. The
            FPN always does; the U-Net only does in the PyTorch port acm-pytorch.
        tiny: Keep the full resolution in the stem, as in the released checkpoint.
        affine_input_norm: Whether the BN on the image scales and shifts, as in the PyTorch ports.
        align_corners: Whether the FPN's upsampling aligns corners, as the authors' MXNet code does
            and the ports do not.
        init_cfg: See `IRSTDBackbone`.

    Returns:
        The encoder's deepest map and the two decoded maps, channels (64, 32, 16), strides
        (16, 8, 4), or (4, 2, 1) if tiny.
    """

    def __init__(
        self,
        in_channels: int = 3,
        *,
        channels: Sequence[int] = (8, 16, 32, 64),
        blocks: Sequence[int] = (4, 4, 4),
        decoder: str = 'unet',
        project_high: bool | None = None,
        tiny: bool = False,
        affine_input_norm: bool = False,
        align_corners: bool = True,
        init_cfg: dict | list | None = None,
    ) -> None:
        if decoder not in ('unet', 'fpn'):
            raise ValueError(f"decoder must be 'unet' or 'fpn', got {decoder!r}")
        if decoder == 'fpn' and project_high is False:
            raise ValueError(
                "project_high=False is impossible with decoder='fpn': deep and shallow maps "
                'have different channels.'
            )
        encoder = ResidualEncoder(
            in_channels, channels, blocks, tiny=tiny, affine_input_norm=affine_input_norm
        )
        super().__init__(in_channels, size_multiple=encoder.stride, init_cfg=init_cfg)
        self.encoder = encoder
        self.align_corners = align_corners
        stages = list(channels)[1:]
        self.out_channels = tuple(stages[::-1])
        if decoder == 'fpn':
            self.decoder = None
            self.fusions = nn.ModuleList(
                AsymmetricFusion(low, high)
                for high, low in zip(stages[:0:-1], stages[-2::-1], strict=True)
            )
        else:
            fusions = [
                AsymmetricFusion(width, width if project_high else None) for width in stages[-2::-1]
            ]
            self.decoder = ResidualUNetDecoder(stages, fusions, blocks[:-1])

    def features(self, image: Tensor) -> tuple[Tensor, ...]:
        """See the class."""
        maps = self.encoder(image)
        if self.decoder is not None:
            return tuple(self.decoder(maps))
        *skips, x = maps
        decoded = [x]
        for fusion in self.fusions:
            x = F.interpolate(x, scale_factor=2, mode='bilinear', align_corners=self.align_corners)
            x = fusion(x, skips.pop())
            decoded.append(x)
        return tuple(decoded)
