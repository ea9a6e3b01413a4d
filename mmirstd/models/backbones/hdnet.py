"""HDNet, the Hybrid Domain Network: MSHNet with contrast and a frequency branch (TGRS 2025)."""

from collections.abc import Sequence

from torch import Tensor

from mmirstd.models.backbones.mshnet import MSHNet
from mmirstd.models.layers.atrous_contrast import AtrousContrastBlock
from mmirstd.models.layers.attention_gates import CBAM
from mmirstd.models.layers.residual import ResidualBlock
from mmirstd.registry import MODELS


@MODELS.register_module()
class HDNet(MSHNet):
    """MSHNet with atrous contrast in its encoder stages and a detail map of the image.

    Args:
        in_channels: Channels of the image.
        channels: Channels of the levels; the last one is the bottom.
        blocks: Blocks of each level. In the encoder, the first one is an `AtrousContrastBlock`.
        init_cfg: See `IRSTDBackbone`.

    Returns:
        The detail map for `FrequencyGatedHead` with 1 channel at stride 1, then the decoder maps of
        `MSHNet`.
    """

    def __init__(
        self,
        in_channels: int = 3,
        *,
        channels: Sequence[int] = (16, 32, 64, 128, 256),
        blocks: Sequence[int] = (1, 2, 2, 2, 2),
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(in_channels, channels=channels, blocks=blocks, init_cfg=init_cfg)
        inputs = [channels[0], *channels[:-1]]
        for stage, before, after in zip(self.encoder, inputs, channels, strict=True):
            stage[0] = AtrousContrastBlock(before, after)
        self.detail = ResidualBlock(in_channels, 1, bias=True, attention=CBAM)
        self.out_channels = (1, *self.out_channels)

    def features(self, image: Tensor) -> tuple[Tensor, ...]:
        """See the class."""
        return (self.detail(image), *super().features(image))
