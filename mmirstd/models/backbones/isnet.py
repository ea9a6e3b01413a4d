"""ISNet: Shape Matters for Infrared Small Target Detection (Zhang et al., CVPR 2022)."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmirstd.models.backbones.irstd_backbone import IRSTDBackbone
from mmirstd.models.layers.deformable_conv import DeformableConv
from mmirstd.models.layers.gradient import gradient_magnitude
from mmirstd.models.layers.residual import ResidualBlock
from mmirstd.models.layers.residual_unet import ResidualEncoder, ResidualUNetDecoder
from mmirstd.registry import MODELS


class TwoOrientationAttention(nn.Module):
    """Two-orientation attention aggregation, TTOA (Sec. 3.3).

    Args:
        channels: C of both inputs.
        modulated: Deformable convolution v2 (official) or v1 (BasicIRSTD).
    """

    def __init__(self, channels: int, *, modulated: bool = True) -> None:
        super().__init__()
        self.project = nn.Sequential(
            nn.Conv2d(channels, channels // 2, 1), nn.Conv2d(channels // 2, channels, 1)
        )
        self.row = DeformableConv(channels, (1, 3), modulated=modulated)
        self.column = DeformableConv(channels, (3, 1), modulated=modulated)

    def forward(self, high: Tensor, low: Tensor) -> Tensor:
        """Aggregate the upsampled ``high`` and the skip ``low``, both (N, C, h, w)."""
        # The original swaps the two names: the upsampled map gives the attention.
        high, low = self.project(high), self.project(low)
        row = high + torch.sigmoid(self.row(high)) * low
        column = high + torch.sigmoid(self.column(high)) * low
        return row + column


class GatedConv(nn.Module):
    """1x1 convolution of a map that a gate, computed from map and guide, amplifies.

    Args:
        channels: C of the map.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gate = nn.Sequential(
            nn.BatchNorm2d(channels + 1),
            nn.Conv2d(channels + 1, channels + 1, 1),
            nn.ReLU(),
            nn.Conv2d(channels + 1, 1, 1),
            nn.BatchNorm2d(1),
            nn.Sigmoid(),
        )
        self.conv = nn.Conv2d(channels, channels, 1, bias=False)

    def forward(self, x: Tensor, guide: Tensor) -> Tensor:
        """(N, C, H, W) from ``x`` (N, C, H, W) and ``guide`` (N, 1, H, W)."""
        return self.conv(x * (1 + self.gate(torch.cat([x, guide], dim=1))))


class TaylorBlock(nn.Module):
    """Taylor-finite-difference-inspired edge block, TFD (Sec. 3.2, Eq. 5).

    Args:
        channels: C of the map.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = ResidualBlock(channels, channels)
        self.second = ResidualBlock(channels, channels)
        self.gate = GatedConv(channels)

    def forward(self, x: Tensor, guide: Tensor) -> Tensor:
        """(N, C, H, W) from ``x`` (N, C, H, W) and ``guide`` (N, 1, H, W)."""
        difference = self.first.residual(x)
        once = F.relu(x + difference)
        twice = F.relu(self.second.residual(once))
        return 3 * F.relu(difference) + twice + self.gate(twice, guide)


@MODELS.register_module()
class ISNet(IRSTDBackbone):
    """Residual U-Net with two-orientation attention and an edge branch on the image gradient.

    The returned maps carry the edge logits as ``early_masks['edges']``.

    Args:
        in_channels: Channels of the image.
        channels: Channels of the stem and of the three stages.
        blocks: Residual blocks of each stage.
        edge_channels: Channels of the edge branch, which runs at full resolution.
        modulated: Deformable convolution v2 as in the official code, or v1 as in BasicIRSTD.
        init_cfg: See `IRSTDBackbone`.

    Returns:
        The encoder's deepest map, the middle decoded map and the finest one, amplified by the
        edges at full resolution: 64, 32, 16 channels at strides 16, 8, 1.
    """

    def __init__(
        self,
        in_channels: int = 3,
        *,
        channels: Sequence[int] = (8, 16, 32, 64),
        blocks: Sequence[int] = (4, 4, 4),
        edge_channels: int = 64,
        modulated: bool = True,
        init_cfg: dict | list | None = None,
    ) -> None:
        encoder = ResidualEncoder(in_channels, channels, blocks)
        super().__init__(in_channels, size_multiple=encoder.stride, init_cfg=init_cfg)
        self.encoder = encoder
        stages = list(channels)[1:]
        deep_first = stages[::-1]
        self.decoder = ResidualUNetDecoder(
            stages,
            [TwoOrientationAttention(width, modulated=modulated) for width in deep_first[1:]],
            blocks[:-1],
        )
        self.edge_entry = nn.Conv2d(in_channels, edge_channels, 1)
        self.edge_guides = nn.ModuleList(nn.Conv2d(width, 1, 1) for width in deep_first)
        self.edge_blocks = nn.ModuleList(TaylorBlock(edge_channels) for _ in deep_first)
        self.edge_classifier = nn.Conv2d(edge_channels, 1, 1, bias=False)
        self.out_channels = tuple(deep_first)

    def init_weights(self) -> None:
        """Initialise by ``init_cfg``, but let the deformable offsets start at zero."""
        super().init_weights()
        for module in self.modules():
            if isinstance(module, DeformableConv):
                module.reset_offset()

    def edge_logits(self, image: Tensor, decoded: Sequence[Tensor]) -> Tensor:
        """Edges (N, 1, H, W) of ``image``, guided by the decoder's maps."""
        size = image.shape[-2:]
        x = self.edge_entry(gradient_magnitude(image))
        for block, classifier, each in zip(
            self.edge_blocks, self.edge_guides, decoded, strict=True
        ):
            guide = F.interpolate(classifier(each), size=size, mode='bilinear', align_corners=True)
            x = block(x, guide)
        return self.edge_classifier(x)

    def features_and_early_masks(
        self, image: Tensor
    ) -> tuple[tuple[Tensor, ...], dict[str, Tensor]]:
        """Maps and edges; the edges also amplify the finest map, so they are always computed."""
        *deeper, finest = self.decoder(self.encoder(image))
        edges = self.edge_logits(image, [*deeper, finest])
        finest = F.interpolate(finest, size=image.shape[-2:], mode='bilinear', align_corners=False)
        return (*deeper, torch.sigmoid(edges) * finest + finest), {'edges': edges}

    def features(self, image: Tensor) -> tuple[Tensor, ...]:
        """See the class."""
        return self.features_and_early_masks(image)[0]
