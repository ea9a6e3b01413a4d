"""Head of MSHNet: the finest output alone in the first epochs, then the fusion of all."""

from collections.abc import Sequence

from mmengine.logging import MessageHub
from mmseg.registry import MODELS as MMSEG_MODELS
from mmseg.structures import SegDataSample
from torch import Tensor

from mmirstd.models.decode_heads.irstd_head import Outputs
from mmirstd.models.decode_heads.side_fusion_head import SideFusionHead
from mmirstd.registry import MODELS


@MODELS.register_module()
class WarmUpHead(SideFusionHead):
    """`SideFusionHead` that trains and predicts with its first side output in the first epochs.

    In training, the epoch is read from MMEngine's message hub, where the runner writes it. A
    head that has not been trained in this process does not warm up.

    Args:
        in_channels: Channels of the selected maps; the first one gives the warm-up's output.
        warm_up_epochs: Number of warm-up epochs. Six in the original, which ends the warm-up by
            ``epoch > 5`` and counts epochs from 0.
        loss_warm_up: Loss of the warm-up.
        **kwargs: Arguments of `SideFusionHead`.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        *,
        warm_up_epochs: int = 6,
        loss_warm_up: dict,
        **kwargs: object,
    ) -> None:
        super().__init__(in_channels, **kwargs)
        self.warm_up_epochs = warm_up_epochs
        self.loss_warm_up = MMSEG_MODELS.build(loss_warm_up)
        self.warming_up = False

    def prediction(self, features: Sequence[Tensor]) -> Tensor:
        """Logits (N, 1, H, W) of the first side output while warming up, else of the fusion."""
        if not self.warming_up:
            return super().prediction(features)
        return self.to_image(self.side_heads[0](self.select_maps(features)[0]), features)

    def loss_by_feat(
        self, seg_logits: Outputs, batch_data_samples: list[SegDataSample]
    ) -> dict[str, Tensor]:
        """The warm-up's loss while warming up, else that of all outputs."""
        epoch = MessageHub.get_current_instance().get_info('epoch')
        self.warming_up = epoch is not None and epoch < self.warm_up_epochs
        if not self.warming_up:
            return super().loss_by_feat(seg_logits, batch_data_samples)
        label = self._stack_batch_gt(batch_data_samples).squeeze(1)
        fusion, plain, *_ = seg_logits
        loss = self.loss_warm_up(*self.match_sizes(plain, label), ignore_index=self.ignore_index)
        # The fusion depends on all side heads: distributed training needs a gradient for each.
        return {self.loss_warm_up.loss_name: loss + 0 * fusion.mean()}
