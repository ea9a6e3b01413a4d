"""Head of ISNet: mask from the feature maps, edges from the backbone."""

from collections.abc import Sequence

from mmseg.registry import MODELS as MMSEG_MODELS
from mmseg.structures import SegDataSample
from torch import Tensor

from mmirstd.models.decode_heads.irstd_head import IRSTDHead, Outputs
from mmirstd.models.features import FeatureMaps
from mmirstd.registry import MODELS


@MODELS.register_module()
class EdgeSupervisedHead(IRSTDHead):
    """`IRSTDHead` that also supervises the edge logits of the backbone.

    `forward` returns (mask logits, edge logits), both (N, 1, H, W). After a backbone without edge
    logits it is an ordinary `IRSTDHead`.

    Args:
        in_channels: Channels of the map that gives the mask.
        channels: Channels before the classifier.
        loss_edge: Loss of edge logits (N, 1, H, W) against mask labels (N, H, W).
        **kwargs: Arguments of `IRSTDHead`.
    """

    def __init__(
        self, in_channels: int, channels: int, *, loss_edge: dict, **kwargs: object
    ) -> None:
        super().__init__(in_channels, channels, **kwargs)
        self.loss_edge = MMSEG_MODELS.build(loss_edge)

    def forward(self, features: Sequence[Tensor]) -> Outputs:
        """Mask logits and edge logits; see the class."""
        prediction = self.prediction(features)
        edges = FeatureMaps.wrap(features).early_masks.get('edges')
        return prediction if edges is None else (prediction, self.to_image(edges, features))

    def loss_by_feat(
        self, seg_logits: Outputs, batch_data_samples: list[SegDataSample]
    ) -> dict[str, Tensor]:
        """Losses of the mask and, under its own name, of the edges."""
        if isinstance(seg_logits, Tensor):
            return super().loss_by_feat(seg_logits, batch_data_samples)
        mask, edges = seg_logits
        losses = super().loss_by_feat(mask, batch_data_samples)
        label = self._stack_batch_gt(batch_data_samples).squeeze(1)
        losses[self.loss_edge.loss_name] = self.loss_edge(
            self.resize(edges, label.shape[-2:]), label, ignore_index=self.ignore_index
        )
        return losses
