"""Head whose prediction is a convolution over its side outputs."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmirstd.models.decode_heads.irstd_head import IRSTDHead, Outputs
from mmirstd.models.features import FeatureMaps
from mmirstd.models.layers.feature_maps import crop_to_image
from mmirstd.registry import MODELS


@MODELS.register_module()
class SideFusionHead(IRSTDHead):
    """Fuse the side outputs of all maps, upsampled to the finest one, by a convolution.

    The prediction is the fusion in UIU-Net and MSHNet. In SCTransNet it is the output of the
    last map, and the fusion is only supervised. The outputs are the prediction, the remaining
    side outputs in the order of ``in_index``, and the fusion unless it is the prediction.

    Args:
        in_channels: Channels of the selected maps.
        in_index: Which maps to select. The order is that of the side outputs and of the channels
            of the fusing convolution.
        fuse_kernel_size: Side of the fusing convolution.
        predict_fusion: Whether the prediction is the fusion or the output of the last map.
        native_sides: Return the side outputs at the size of their maps instead of the image's.
            Their labels are then max-pooled, so that no target vanishes.
        **kwargs: Arguments of `IRSTDHead`.
    """

    supervises_last_map = True

    def __init__(
        self,
        in_channels: Sequence[int],
        *,
        in_index: Sequence[int] | None = None,
        fuse_kernel_size: int = 1,
        predict_fusion: bool = True,
        native_sides: bool = False,
        **kwargs: object,
    ) -> None:
        super().__init__(in_channels, in_channels[-1], in_index=in_index, **kwargs)
        self.predict_fusion = predict_fusion
        self.native_sides = native_sides
        self.conv_seg = nn.Conv2d(
            len(in_channels), 1, fuse_kernel_size, padding=fuse_kernel_size // 2
        )
        self._set_prior()

    def _fuse(self, sides: Sequence[Tensor], features: Sequence[Tensor]) -> Tensor:
        finest = max((side.shape[-2:] for side in sides), key=lambda size: size[0] * size[1])
        upsampled = [self.resize(side, finest) for side in sides]
        return self.to_image(self._combine(upsampled, features), features)

    def _combine(self, sides: Sequence[Tensor], features: Sequence[Tensor]) -> Tensor:
        """Logits (N, 1, h, w) from the side outputs, all (N, 1, h, w)."""
        return self.cls_seg(torch.cat(sides, dim=1))

    def prediction(self, features: Sequence[Tensor]) -> Tensor:
        """Logits (N, 1, H, W) of the prediction."""
        maps = self.select_maps(features)
        if self.predict_fusion:
            return self._fuse(self.native_side_outputs(maps), features)
        return self.to_image(self.side_heads[-1](maps[-1]), features)

    def forward(self, features: Sequence[Tensor]) -> Outputs:
        """Prediction and side outputs; see the class for their order."""
        sides = self.native_side_outputs(self.select_maps(features))
        fusion = self._fuse(sides, features)
        if self.predict_fusion:
            return fusion, *(self._side(each, features) for each in sides)
        *others, prediction = sides
        return (
            self.to_image(prediction, features),
            *(self._side(each, features) for each in others),
            fusion,
        )

    def _side(self, logits: Tensor, features: Sequence[Tensor]) -> Tensor:
        """A side output at the size of the image or, if native, of its map."""
        if not self.native_sides:
            return self.to_image(logits, features)
        features = FeatureMaps.wrap(features)
        if features.image_size is None:
            return logits
        return crop_to_image(logits, features.image_size, features.padded_size)

    def match_sizes(self, logits: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
        """Resize the logits to the label or, for native side outputs, pool the label to them.

        A pooled cell is a target if it contains a target pixel, and ignored if it contains an
        ignored pixel but no target.
        """
        size = logits.shape[-2:]
        if not self.native_sides or size == label.shape[-2:]:
            return super().match_sizes(logits, label)
        target = F.adaptive_max_pool2d((label == 1)[:, None].float(), size)
        unknown = F.adaptive_max_pool2d((label == self.ignore_index)[:, None].float(), size)
        pooled = target.long()
        pooled[(unknown > 0) & (target == 0)] = self.ignore_index
        return logits, pooled.squeeze(1)
