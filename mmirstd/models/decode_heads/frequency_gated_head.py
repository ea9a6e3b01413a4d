"""Head of HDNet: high-pass filtered details of the image gate the fused mask."""

from collections.abc import Sequence

import torch
from torch import Tensor

from mmirstd.models.decode_heads.warm_up_head import WarmUpHead
from mmirstd.models.features import FeatureMaps
from mmirstd.models.layers.high_pass import dynamic_high_pass
from mmirstd.registry import MODELS
from mmirstd.wording import format_count


@MODELS.register_module()
class FrequencyGatedHead(WarmUpHead):
    """`WarmUpHead` whose fusion is gated by a high-passed detail map.

    From the deepest side output to the finest, the detail map is weighted by the side output's
    probabilities and high-pass filtered. The fusion is multiplied by one plus the sigmoid of the
    result.

    Args:
        in_channels: Channels of the selected maps, the finest first.
        energy_ratios: Share of the spectral energy, in [0, 1], that the filter of each side output
            removes.
        detail_index: Which of the backbone's maps is the detail map: 1 channel, the resolution of
            the finest side output.
        **kwargs: Arguments of `WarmUpHead`.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        *,
        energy_ratios: Sequence[float] = (0.1, 0.2, 0.4, 0.8),
        detail_index: int = 0,
        **kwargs: object,
    ) -> None:
        super().__init__(in_channels, **kwargs)
        if len(energy_ratios) != len(self.side_heads):
            raise ValueError(
                f'energy_ratios={tuple(energy_ratios)} must have one entry for each of the '
                f'{format_count(len(self.side_heads), "side output")}.'
            )
        self.energy_ratios = tuple(energy_ratios)
        self.detail_index = detail_index

    def filter_details(self, detail: Tensor, sides: Sequence[Tensor]) -> list[Tensor]:
        """The detail map after each filter, (N, 1, H, W), in the order of the side outputs.

        Args:
            detail: (N, 1, H, W).
            sides: Side outputs (N, 1, H, W), the finest first.
        """
        filtered: list[Tensor] = []
        for side, ratio in zip(reversed(sides), reversed(self.energy_ratios), strict=True):
            detail = dynamic_high_pass(detail * side.sigmoid() + detail, ratio)
            filtered.append(detail)
        return filtered[::-1]

    def _combine(self, sides: Sequence[Tensor], features: Sequence[Tensor]) -> Tensor:
        fused = super()._combine(sides, features)
        gate = self.filter_details(self._detail(features, sides[0].shape[-2:]), sides)[0]
        return fused * torch.sigmoid(gate) + fused

    def _detail(self, features: Sequence[Tensor], size: torch.Size) -> Tensor:
        detail = FeatureMaps.wrap(features).padded[self.detail_index]
        if detail.shape[1] != 1 or detail.shape[-2:] != size:
            raise ValueError(
                f'FrequencyGatedHead expects a detail map (N, 1, {size[0]}, {size[1]}) at '
                f'detail_index={self.detail_index}, as mmirstd.HDNet returns it, but received '
                f'{tuple(detail.shape)}; use mmirstd.SideFusionHead on other backbones.'
            )
        return detail
