"""A trained segmentor as one function from raw pixels to logits, ready for export.

Shapes: N images, C channels, H, W size of the input.
"""

from __future__ import annotations

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmirstd.inference.onnx_description import Description
from mmirstd.inference.torch_detector import IRSTDInferencer
from mmirstd.models.fuse import fuse_for_inference
from mmirstd.models.logits import predict_logits
from mmirstd.wording import format_count

_RESIZE = ('ResizeToSquare', 'mmirstd.ResizeToSquare')
_NO_CHANGE = ('PackSegInputs', 'mmseg.PackSegInputs')


class ExportModel(nn.Module):
    """Normalisation, model and head of an MMSegmentation segmentor.

    Convolutions are merged with the norms after them, and so are RepViT's branches.

    Args:
        segmentor: A built ``EncoderDecoder`` with a single decode head and one or two output
            channels. It is copied, not changed.
        channels: Channels C of the input.

    Raises:
        ValueError: The segmentor is not of this kind.
    """

    def __init__(self, segmentor: nn.Module, channels: int = 3) -> None:
        super().__init__()
        head = getattr(segmentor, 'decode_head', None)
        if not hasattr(segmentor, 'extract_feat') or not callable(head):
            raise ValueError(f'{type(segmentor).__name__} is not a segmentor with one decode head')
        if getattr(head, 'out_channels', 1) not in (1, 2):
            raise ValueError(
                f'the head has {format_count(head.out_channels, "channel")}, expected 1 or 2'
            )
        prepare = segmentor.data_preprocessor
        padding = dict(getattr(prepare, 'test_cfg', None) or {})
        self.divisor = padding.pop('size_divisor', None) or 1
        self.pad_value = float(getattr(prepare, 'pad_val', 0))
        if any(padding.values()):
            raise ValueError(
                f'the data preprocessor pads test images to a fixed size ({prepare.test_cfg}), '
                'which is not exported: use size_divisor, or choose sizes that need no padding'
            )
        mean, std = torch.zeros(1), torch.ones(1)
        if getattr(prepare, '_enable_normalize', False):
            mean, std = prepare.mean.flatten(), prepare.std.flatten()
        self.swap = bool(getattr(prepare, '_channel_conversion', False)) and channels == 3
        self.register_buffer('mean', mean.detach().clone().cpu().reshape(1, -1, 1, 1))
        self.register_buffer('std', std.detach().clone().cpu().reshape(1, -1, 1, 1))
        self.segmentor = fuse_for_inference(copy.deepcopy(segmentor).cpu(), in_place=True)
        self.eval()
        with torch.no_grad():
            size = 64
            self.full_size = self._logits(torch.zeros(1, channels, size, size)).shape[-1] == size

    def forward(self, images: Tensor) -> Tensor:
        """Map images (N, C, H, W), BGR or gray in 0..255, to logits (N, 1, H, W)."""
        logits = self._logits(images)
        if self.full_size:
            return logits
        return F.interpolate(
            logits,
            size=images.shape[-2:],
            mode='bilinear',
            align_corners=self.segmentor.decode_head.align_corners,
        )

    def _logits(self, images: Tensor) -> Tensor:
        if self.swap:
            images = images.flip(1)
        images = (images - self.mean) / self.std
        height, width = images.shape[-2:]
        if self.divisor > 1:
            missing = (0, -width % self.divisor, 0, -height % self.divisor)
            images = F.pad(images, missing, value=self.pad_value)
        logits = predict_logits(self.segmentor, images)
        if logits.shape[1] == 2:  # softmax over two classes is the sigmoid of their difference
            logits = logits[:, 1:] - logits[:, :1]
        if self.divisor > 1:
            if logits.shape[-2:] != images.shape[-2:]:
                logits = F.interpolate(
                    logits,
                    images.shape[-2:],
                    mode='bilinear',
                    align_corners=self.segmentor.decode_head.align_corners,
                )
            logits = logits[..., :height, :width]
        return logits


def describe_model(
    inferencer: IRSTDInferencer, *, checkpoint_sha256: str | None = None
) -> Description:
    """Description of how a runtime must prepare images to match ``inferencer``.

    Raises:
        ValueError: The test pipeline has a step that a runtime without MMSegmentation lacks.
    """
    square = None
    for step in inferencer.steps:
        if step['type'] in _RESIZE:
            square = step['size']
        elif step['type'] not in _NO_CHANGE:
            raise ValueError(
                f'the step {step["type"]} of the test pipeline cannot be exported; exported '
                'models support mmirstd.ResizeToSquare, and before it mmirstd.DivideByMaximum and '
                'mmirstd.StandardizeImage'
            )
    loader = inferencer.loader
    return Description(
        channels=loader.get('channels', 3),
        intensity_range=loader.get('intensity_range', 'dtype'),
        percentiles=tuple(loader.get('percentiles', (0.1, 99.99))),
        divide_by_maximum=inferencer.frame_steps.divide_by_maximum,
        standardize=inferencer.frame_steps.standardize,
        square=square,
        align_corners=bool(inferencer.model.align_corners),
        threshold=inferencer.threshold,
        config=str(inferencer.config.filename or '').rpartition('/')[2],
        checkpoint_sha256=checkpoint_sha256,
    )
