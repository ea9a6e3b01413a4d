"""Head of the infrared models: logits at input size, deep supervision.

Shapes: N batch, C channels, H/W image, h/w feature map.
"""

import math
from collections.abc import Sequence
from typing import TypeAlias

import torch
import torch.nn.functional as F
from mmseg.structures import SegDataSample
from torch import Tensor, nn
from torchvision.ops import Conv2dNormActivation

from mmirstd.models.decode_heads.mask_head import MaskHead
from mmirstd.models.features import FeatureMaps
from mmirstd.models.layers.feature_maps import crop_to_image
from mmirstd.registry import MODELS
from mmirstd.wording import format_count

Outputs: TypeAlias = Tensor | tuple[Tensor, ...]
"""Logits (N, 1, H, W): the prediction alone, or the prediction followed by the side outputs."""


def stretch_probabilities(logits: Tensor) -> Tensor:
    """Logits (N, 1, H, W) whose probabilities are stretched to [0, 1] in every image."""
    # Half precision cannot represent probabilities next to 0 and 1, nor their logits.
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    probability = logits.sigmoid()
    low = probability.amin(dim=(1, 2, 3), keepdim=True)
    high = probability.amax(dim=(1, 2, 3), keepdim=True)
    span = (high - low).clamp_min(torch.finfo(logits.dtype).eps)
    return torch.logit((probability - low) / span, eps=1e-6)


@MODELS.register_module()
class IRSTDHead(MaskHead):
    """One logit map for the prediction, and a side output for every other selected map.

    ``model(inputs, mode='tensor')`` returns the output of `forward`: a tensor (N, 1, H, W) if the
    head has a single output, else a tuple with the prediction first and then the side outputs in
    the order of ``in_index``. After one of our backbones, all have the size of the image. After a
    stock backbone, they have the size of the finest map, and `loss` and `predict` resize them, as
    in MMSeg. `predict` computes only the prediction.

    Args:
        in_channels: Channels of the selected maps. A sequence means several maps, of which the
            last one gives the prediction and the others give supervised side outputs.
        channels: Channels before the 1x1 classifier of the prediction.
        in_index: Which of the backbone's maps to select. None selects the last ones, as many as
            ``in_channels`` has entries.
        hidden_conv: Insert a 3x3 conv - BN - ReLU with ``channels`` outputs before the classifier.
            Without it, ``channels`` must be the number of channels of the last map.
        hidden_bias: Whether that convolution has a bias although BN follows.
        side_kernel_size: Side of the convolutions that give the side outputs.
        output_weights: Weight of each output's loss, the prediction first; None for ones.
            A mean over four outputs is ``(0.25, 0.25, 0.25, 0.25)``.
        target_prior: Initial target probability in (0, 1) of all outputs, set through the bias of
            their last convolutions (focal loss paper, Sec. 4.1). None keeps PyTorch's initial bias,
            from which a cross-entropy needs hundreds of steps to learn how rare targets are.
        threshold: A pixel is a target if its probability exceeds this.
        min_max: Stretch the probabilities of each predicted image to [0, 1] first, as in UIU-Net's
            evaluation (with threshold 0.22). An image without a target then always has
            detections, so it is off by default.
        dropout_ratio: Element-wise dropout before the classifier.
        loss_decode: Losses, applied to every output. They receive logits (N, 1, H, W) and labels
            (N, H, W), so stock MMSeg losses work, too.
        num_classes: Number of classes: background and target.
        out_channels: Must be 1.
        **kwargs: Other arguments of `BaseDecodeHead`, such as ``align_corners`` (for resizing
            to the input size), ``ignore_index`` and ``init_cfg``.
    """

    supervises_last_map = False

    def __init__(
        self,
        in_channels: int | Sequence[int],
        channels: int,
        *,
        in_index: int | Sequence[int] | None = None,
        hidden_conv: bool = False,
        hidden_bias: bool = False,
        side_kernel_size: int = 1,
        output_weights: Sequence[float] | None = None,
        target_prior: float | None = None,
        threshold: float = 0.5,
        min_max: bool = False,
        dropout_ratio: float = 0.0,
        loss_decode: dict | Sequence[dict] = ({'type': 'mmirstd.SoftIoULoss'},),
        num_classes: int = 2,
        out_channels: int = 1,
        **kwargs: object,
    ) -> None:
        if out_channels != 1:
            raise ValueError(
                f'IRSTDHead predicts one logit per pixel, but out_channels={out_channels}; '
                'use a stock head such as FCNHead for one logit per class.'
            )
        several = not isinstance(in_channels, int)
        if in_index is None:
            in_index = list(range(-len(in_channels), 0)) if several else -1
        kwargs.setdefault('init_cfg', None)
        super().__init__(
            list(in_channels) if several else in_channels,
            channels,
            num_classes=num_classes,
            out_channels=1,
            threshold=threshold,
            dropout_ratio=0.0,
            in_index=list(in_index) if several else in_index,
            input_transform='multiple_select' if several else None,
            loss_decode=loss_decode,
            **kwargs,
        )
        all_channels = tuple(in_channels) if several else (in_channels,)
        last = all_channels[-1]
        if not hidden_conv and channels != last:
            raise ValueError(
                f'channels={channels} must equal the channels of the last map, {last}, unless '
                'hidden_conv=True inserts a convolution between them.'
            )
        self.hidden = (
            Conv2dNormActivation(last, channels, 3, bias=hidden_bias)
            if hidden_conv
            else nn.Identity()
        )
        # Element-wise as in the original models; BaseDecodeHead drops whole channels, of
        # which there may be only four.
        self.dropout = nn.Dropout(dropout_ratio) if dropout_ratio else None
        self.side_heads = nn.ModuleList(
            nn.Conv2d(inputs, 1, side_kernel_size, padding=side_kernel_size // 2)
            for inputs in self._select_supervised(all_channels)
        )
        self.output_weights = self._check_weights(output_weights)
        self.min_max = min_max
        if target_prior is not None and not 0 < target_prior < 1:
            raise ValueError(f'target_prior must be in (0, 1), got {target_prior!r}')
        self.target_prior = target_prior
        self._set_prior()

    def init_weights(self) -> None:
        """Initialise by ``init_cfg``, then set the biases that ``target_prior`` asks for."""
        initialised = self.is_init
        super().init_weights()
        if not initialised:
            self._set_prior()

    def _set_prior(self) -> None:
        if self.target_prior is None:
            return
        for conv in (self.conv_seg, *self.side_heads):
            nn.init.constant_(conv.bias, math.log(self.target_prior / (1 - self.target_prior)))

    def _select_supervised(self, maps: Sequence) -> Sequence:
        """The entries of ``maps`` that get a side output."""
        return maps if self.supervises_last_map else maps[:-1]

    def _check_weights(self, weights: Sequence[float] | None) -> tuple[float, ...]:
        outputs = self.num_outputs
        weights = (1.0,) * outputs if weights is None else tuple(weights)
        if len(weights) != outputs:
            raise ValueError(
                f'output_weights={weights} has {format_count(len(weights), "entry", "entries")}, '
                f'but the head has {format_count(outputs, "output")} (the prediction first, then '
                'the side outputs).'
            )
        return weights

    @property
    def num_outputs(self) -> int:
        """Number of logit maps that `forward` returns."""
        return 1 + len(self.side_heads)

    def select_maps(self, features: Sequence[Tensor]) -> list[Tensor]:
        """The maps (N, C, h, w) of ``in_index``, of the padded image if there is one."""
        selected = self._transform_inputs(FeatureMaps.wrap(features).padded)
        return selected if isinstance(selected, list) else [selected]

    def to_image(self, logits: Tensor, features: Sequence[Tensor]) -> Tensor:
        """Resize and crop logits (N, 1, h, w) to the image that ``features`` were computed from."""
        features = FeatureMaps.wrap(features)
        if features.image_size is None:
            return logits
        logits = self.resize(logits, features.padded_size)
        return crop_to_image(logits, features.image_size, features.padded_size)

    def resize(self, logits: Tensor, size: Sequence[int]) -> Tensor:
        """``logits`` (N, 1, h, w) resized bilinearly to ``size`` (H, W)."""
        if tuple(logits.shape[-2:]) == tuple(size):
            return logits
        return F.interpolate(
            logits, size=tuple(size), mode='bilinear', align_corners=self.align_corners
        )

    def prediction(self, features: Sequence[Tensor]) -> Tensor:
        """Logits (N, 1, H, W) of the prediction, without the side outputs."""
        logits = self.cls_seg(self.hidden(self.select_maps(features)[-1]))
        return self.to_image(logits, features)

    def side_outputs(self, features: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Logits (N, 1, H, W) of every side output."""
        return tuple(
            self.to_image(logits, features)
            for logits in self.native_side_outputs(self.select_maps(features))
        )

    def native_side_outputs(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Logits (N, 1, h, w) of every side output at the size of its map."""
        return [
            head(each)
            for head, each in zip(self.side_heads, self._select_supervised(maps), strict=True)
        ]

    def forward(self, features: Sequence[Tensor]) -> Outputs:
        """All outputs for the maps of a backbone; see the class."""
        prediction, side_outputs = self.prediction(features), self.side_outputs(features)
        return (prediction, *side_outputs) if side_outputs else prediction

    def predict_logits(self, features: Sequence[Tensor]) -> Tensor:
        """Logits (N, 1, H, W) of `prediction`, stretched if ``min_max`` is set."""
        logits = self.prediction(features)
        return stretch_probabilities(logits) if self.min_max else logits

    def loss_by_feat(
        self, seg_logits: Outputs, batch_data_samples: list[SegDataSample]
    ) -> dict[str, Tensor]:
        """Weighted sum of the losses of all outputs.

        Args:
            seg_logits: The output of `forward`.
            batch_data_samples: The labels: 0 background, 1 target, ``ignore_index`` ignored.

        Returns:
            The value for the prediction under the name of each loss, and the sum over the side
            outputs under the same name with ``_side`` appended.
        """
        label = self._stack_batch_gt(batch_data_samples).squeeze(1)
        outputs = (seg_logits,) if isinstance(seg_logits, Tensor) else seg_logits
        criteria = self.loss_decode
        criteria = criteria if isinstance(criteria, nn.ModuleList) else [criteria]
        losses: dict[str, Tensor] = {}
        for index, (weight, logits) in enumerate(zip(self.output_weights, outputs, strict=True)):
            logits, target = self.match_sizes(logits, label)
            for criterion in criteria:
                name = criterion.loss_name + ('_side' if index else '')
                value = weight * criterion(logits, target, ignore_index=self.ignore_index)
                losses[name] = losses[name] + value if name in losses else value
        return losses

    def match_sizes(self, logits: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
        """Bring logits (N, 1, h, w) and label (N, H, W) to the same size, here the label's."""
        return self.resize(logits, label.shape[-2:]), label
