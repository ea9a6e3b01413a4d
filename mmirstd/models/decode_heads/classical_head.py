"""Head of the training-free detectors: converts the response of a filter to a score."""

from collections.abc import Sequence

import torch
from torch import Tensor

from mmirstd.models.decode_heads.mask_head import MaskHead
from mmirstd.registry import MODELS


@MODELS.register_module()
class ClassicalHead(MaskHead):
    """Scale the response of each image to a score in [0, 1] and threshold it.

    The score is the positive part of the response, divided by its maximum over the image. So the
    strongest response of every image is a detection, as with these methods in the literature. A
    constant image has no detection. There is nothing to train.

    Args:
        threshold: A pixel is a target if its score exceeds it.
    """

    def __init__(self, *, threshold: float = 0.5) -> None:
        super().__init__(
            1,
            1,
            num_classes=2,
            out_channels=1,
            threshold=threshold,
            dropout_ratio=0.0,
            loss_decode={'type': 'CrossEntropyLoss', 'use_sigmoid': True, 'avg_non_ignore': True},
            init_cfg=None,
        )
        del self.conv_seg

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """Logits (N, 1, H, W) whose probabilities are the scores."""
        response = self._transform_inputs(features).clamp(min=0)
        # Half precision cannot represent scores next to 0 and 1, nor their logits.
        response = response.to(torch.promote_types(response.dtype, torch.float32))
        peak = response.amax(dim=(1, 2, 3), keepdim=True)
        score = response / torch.where(peak > 0, peak, torch.ones_like(peak))
        return torch.logit(score, eps=1e-6)

    def loss(self, *_: object, **__: object) -> dict[str, Tensor]:
        """Not supported: there is nothing to train.

        Raises:
            RuntimeError: Always.
        """
        raise RuntimeError(
            'this detector has no weights to train; evaluate it with the commands of '
            'docs/reference/models.md'
        )
