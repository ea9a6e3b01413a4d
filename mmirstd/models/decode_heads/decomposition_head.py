"""Head of RPCANet and RPCANet++: the backbone's targets are the prediction."""

from collections.abc import Sequence

import torch
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmirstd.models.decode_heads.irstd_head import IRSTDHead
from mmirstd.registry import MODELS
from mmirstd.wording import format_count


@MODELS.register_module()
class DecompositionHead(IRSTDHead):
    """Return the targets of the last stage as logits and supervise the reconstructed image.

    It has no weights and needs the four maps of `UnrolledRobustPCA`. Any other head works on that
    backbone, too.

    Args:
        rebuild_weight: Weight of the mean squared error between the reconstructed image and the
            image. Pixels with an ignored label count in it, because the image is known there.
        **kwargs: Arguments of `IRSTDHead`.
    """

    def __init__(self, *, rebuild_weight: float = 0.01, **kwargs: object) -> None:
        super().__init__(1, 1, **kwargs)
        self.rebuild_weight = rebuild_weight
        self.conv_seg = nn.Identity()

    def select_maps(self, features: Sequence[Tensor]) -> list[Tensor]:
        """The last map, which must have one channel.

        Raises:
            ValueError: The backbone is of another kind.
        """
        maps = super().select_maps(features)
        if maps[-1].shape[1] != 1:
            raise ValueError(
                f'DecompositionHead expects targets of one channel from mmirstd.RPCANet or '
                f'mmirstd.RPCANetPlusPlus, but received a map of shape {tuple(maps[-1].shape)}; '
                'use mmirstd.IRSTDHead on other backbones.'
            )
        return maps

    def loss(
        self, inputs: Sequence[Tensor], batch_data_samples: list[SegDataSample], train_cfg: dict
    ) -> dict[str, Tensor]:
        """Losses of the targets and, as ``loss_rebuild``, of the reconstructed image.

        Raises:
            ValueError: The backbone does not return four maps.
        """
        losses = super().loss(inputs, batch_data_samples, train_cfg)
        if len(inputs) != 4:
            raise ValueError(
                'DecompositionHead expects image, background, reconstructed image and targets from '
                f'the backbone, but received {format_count(len(inputs), "map")}; use '
                'mmirstd.IRSTDHead on other backbones.'
            )
        image, _, rebuilt, _ = inputs
        # In half precision, the squares of small errors underflow.
        error = (rebuilt.to(torch.float32) - image.to(torch.float32)).square().mean()
        losses['loss_rebuild'] = self.rebuild_weight * error
        return losses
