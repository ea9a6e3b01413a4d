"""ALCNet: Attentional Local Contrast Networks (Dai et al., TGRS 2021, arXiv:2012.08573)."""

from collections.abc import Sequence

from torch import Tensor, nn

from mmirstd.models.backbones.irstd_backbone import IRSTDBackbone
from mmirstd.models.layers.asymmetric_fusion import AsymmetricFusion
from mmirstd.models.layers.local_contrast import multiscale_local_contrast
from mmirstd.models.layers.residual_unet import ResidualEncoder, ResidualUNetDecoder
from mmirstd.registry import MODELS


@MODELS.register_module()
class ALCNet(IRSTDBackbone):
    """ACM's encoder with transposed convolutions and fusions, optionally with local contrast.

    The default is the PyTorch model of this name in BasicIRSTD. It does not compute local contrast
    anywhere, although the paper is named after it. ``distances`` adds it to every
    map of the encoder, following the idea of the paper; this variant has no public original.

    Args:
        in_channels: Channels of the image.
        channels: Channels of the stem and of the three stages.
        blocks: Residual blocks of each stage.
        distances: Distances of the local contrast, in pixels of the image. They are rounded to
            cells of the map, with a minimum of one. Empty for no contrast. The config with contrast
            uses (13, 17), our choice.
        init_cfg: See `IRSTDBackbone`.

    Returns:
        Map of the deepest stage, the two fused maps and the upsampled last one: 64, 32, 16, 8
        channels at strides 16, 8, 4, 2.
    """

    def __init__(
        self,
        in_channels: int = 1,
        *,
        channels: Sequence[int] = (8, 16, 32, 64),
        blocks: Sequence[int] = (4, 4, 4),
        distances: Sequence[int] = (),
        init_cfg: dict | list | None = None,
    ) -> None:
        encoder = ResidualEncoder(in_channels, channels, blocks)
        super().__init__(in_channels, size_multiple=encoder.stride, init_cfg=init_cfg)
        self.encoder = encoder
        self.distances = tuple(distances)
        stem, *stages = channels
        self.decoder = ResidualUNetDecoder(
            stages, [AsymmetricFusion(width) for width in stages[-2::-1]]
        )
        self.last_upsample = nn.ConvTranspose2d(stages[0], stem, 4, 2, 1)
        self.out_channels = (*stages[::-1], stem)

    def _contrast(self, x: Tensor, stride: int) -> Tensor:
        cells = sorted({max(1, round(distance / stride)) for distance in self.distances})
        return multiscale_local_contrast(x, cells)

    def features(self, image: Tensor) -> tuple[Tensor, ...]:
        """See the class."""
        maps = self.encoder(image)
        if self.distances:
            deepest = self.encoder.stride
            strides = [deepest // 2**level for level in reversed(range(len(maps)))]
            maps = [self._contrast(*each) for each in zip(maps, strides, strict=True)]
        decoded = self.decoder(maps)
        return (*decoded, self.last_upsample(decoded[-1]))
