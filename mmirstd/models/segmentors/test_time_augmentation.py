"""Test-time augmentation by the mean probability of several views of an image.

Shapes: C output channels, H/W height and width of the original image.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from mmengine.model import BaseTTAModel
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmirstd.registry import MODELS


def mean_probability(predictions: Sequence[Tensor]) -> Tensor:
    """Average the predictions of several views of one image.

    Args:
        predictions: One tensor (C, H, W) per view, already flipped back and resized, as in MMSeg's
            ``seg_logits``: probabilities in [0, 1] if C is 1 (MMSeg has applied
            the sigmoid), logits otherwise.

    Returns:
        Mean probabilities (C, H, W); over C > 1 channels they sum to 1.

    Raises:
        ValueError: No view, views of different shapes, or one-channel values outside [0, 1].
    """
    if not predictions:
        raise ValueError('predictions is empty: test-time augmentation needs at least one view')
    shapes = {tuple(prediction.shape) for prediction in predictions}
    if len(shapes) > 1:
        raise ValueError(
            f'predictions have different shapes {sorted(shapes)}: every view must be resized to '
            'the original image before views are averaged'
        )
    stacked = torch.stack(list(predictions)).float()
    if stacked.shape[1] > 1:
        return _mean_log_probability(stacked).exp()
    if stacked.numel() and (stacked.min() < 0 or stacked.max() > 1):
        raise ValueError(
            'one-channel predictions must be probabilities in [0, 1], received values in '
            f'[{stacked.min():.3g}, {stacked.max():.3g}]: apply the sigmoid once, before averaging'
        )
    return stacked.mean(dim=0)


def _turn_upside_down(view: dict[str, Sequence]) -> dict[str, Sequence]:
    """Flip a view vertically; its samples are copied, because predictions are stored in them."""
    inputs = view['inputs']
    turned = inputs.flip(-2) if isinstance(inputs, Tensor) else [x.flip(-2) for x in inputs]
    return {**view, 'inputs': turned, 'data_samples': [s.clone() for s in view['data_samples']]}


def _turn_back(samples: Sequence[SegDataSample]) -> Sequence[SegDataSample]:
    for sample in samples:
        sample.set_data({'seg_logits': PixelData(data=sample.seg_logits.data.flip(-2))})
    return samples


def _mean_log_probability(logits: Tensor) -> Tensor:
    """Logarithm (C, H, W) of the mean probability of logits (views, C, H, W).

    Finite for all finite logits: probabilities themselves underflow where the logits of two
    channels differ by more than about 104.
    """
    return logits.log_softmax(dim=1).logsumexp(dim=0) - math.log(len(logits))


@MODELS.register_module()
class IRSTDTTAModel(BaseTTAModel):
    """Test-time augmentation of a segmentor that is correct for one output channel, too.

    MMSegmentation's ``SegTTAModel`` applies the sigmoid to ``seg_logits``, which already contain
    probabilities if there is one channel: every value becomes at least 0.5, and every pixel a
    target. Here the probabilities are averaged directly and stored in ``seg_logits`` for
    the metric, and the mask uses the threshold of the head.

    Every view of the config's ``tta_pipeline`` is also predicted flipped vertically. MMSegmentation
    flips back only one axis of a view, so a config can only name horizontal flips. Together, the
    four views are those of ``IRSTDInferencer(..., tta=True)``: the image and its three mirror
    images.

    Args:
        module: The segmentor, built or as a config.
        upside_down: Also predict every view flipped vertically. False uses only the views of the
            pipeline.
        data_preprocessor: As for the base class.
    """

    def __init__(
        self,
        module: dict | nn.Module,
        upside_down: bool = True,
        data_preprocessor: dict | nn.Module | None = None,
    ) -> None:
        super().__init__(module, data_preprocessor)
        self.upside_down = upside_down

    def test_step(self, data: dict[str, Sequence]) -> list[SegDataSample]:
        """Predict all views of a batch and merge them.

        Args:
            data: ``inputs`` and ``data_samples``, each with one entry per view.

        Returns:
            One merged sample per image.
        """
        views = [dict(zip(data, view, strict=True)) for view in zip(*data.values(), strict=True)]
        predictions = []
        for view in views:
            predictions.append(self.module.test_step(view))
            if self.upside_down:
                predictions.append(_turn_back(self.module.test_step(_turn_upside_down(view))))
        return self.merge_preds(list(zip(*predictions, strict=True)))

    def merge_preds(
        self, data_samples_list: Sequence[Sequence[SegDataSample]]
    ) -> list[SegDataSample]:
        """Merge the views of each image.

        Args:
            data_samples_list: For each image the predicted samples of its views. Annotations
                and meta information are taken from the first view, which must not be flipped
                (or annotations must be loaded after the flip, as in the ``tta_pipeline`` of the
                dataset configs).

        Returns:
            One sample per image with ``seg_logits`` (C, H, W), probabilities for C = 1 and log
            probabilities otherwise, and ``pred_sem_seg`` (1, H, W) with class indices.
        """
        return [self._merge_views(views) for views in data_samples_list]

    def _merge_views(self, views: Sequence[SegDataSample]) -> SegDataSample:
        probability = mean_probability([view.seg_logits.data for view in views])
        if probability.shape[0] == 1:
            scores = probability
            mask = (probability > self.module.decode_head.threshold).to(probability)
        else:
            logits = torch.stack([view.seg_logits.data for view in views]).float()
            scores = _mean_log_probability(logits)
            mask = scores.argmax(dim=0, keepdim=True)
        merged = views[0]
        merged.set_data(
            {'seg_logits': PixelData(data=scores), 'pred_sem_seg': PixelData(data=mask)}
        )
        return merged
