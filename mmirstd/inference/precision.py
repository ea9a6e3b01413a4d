"""Precision of a segmentor in inference."""

from __future__ import annotations

import logging
import time
from typing import Any, Literal, get_args

import numpy as np
import torch
from mmengine.logging import print_log
from torch import Tensor, nn

from mmirstd.evaluation.components import find_components
from mmirstd.models.half import in_bfloat16
from mmirstd.models.segmentors.data_samples import read_prediction
from mmirstd.wording import format_count

Precision = Literal['float32', 'bfloat16', 'auto']

AGREEMENT = 0.25
"""Largest difference of a probability with which 'auto' may use bfloat16. At the steep edge of a
target, rounding changes single probabilities by 0.2, rarely by 0.3, but no target changes."""

WORTHWHILE = 1.1
"""'auto' uses bfloat16 if it is faster by at least this factor."""

TRIALS = 3
"""Number of images with targets on which 'auto' compares both. Images without targets, such as the
black first frame of a video, agree in every precision and say nothing."""


def has_bfloat16_units(device: torch.device) -> bool:
    """Whether a device states that it computes in bfloat16 faster than in float32."""
    if device.type == 'cuda':
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type != 'cpu':
        return False
    # torch has it since 2.7.
    capabilities: dict[str, bool] = getattr(torch.cpu, 'get_capabilities', dict)()
    names = ('avx512_bf16', 'amx_bf16', 'bf16')  # x86, x86 with tiles, ARM
    return any(capabilities.get(name, False) for name in names)


class SegmentorRunner:
    """Runs a segmentor on prepared batches in a precision.

    Args:
        precision: 'float32'. 'bfloat16' runs a copy of the model with bfloat16 weights from its
            input to its logits; on CUDA, or if the copy fails, it runs the model under autocast.
            'auto' begins with float32, tries both on the first `TRIALS` images with targets, and
            continues in bfloat16 if it is at least `WORTHWHILE` times as fast and the results
            agree on each, see `answers_agree`.
        device: Device of the model.

    Raises:
        ValueError: The precision is unknown.
    """

    def __init__(self, precision: Precision, device: torch.device) -> None:
        if precision not in get_args(Precision):
            raise ValueError(f'precision={precision!r} must be one of {get_args(Precision)}')
        if precision == 'auto' and not has_bfloat16_units(device):
            precision = 'float32'
        elif precision == 'bfloat16' and not has_bfloat16_units(device):
            print_log(
                f"precision='bfloat16': {device} has no units for it, so it will be slow",
                logger='current',
                level=logging.WARNING,
            )
        self.precision: Precision = precision
        self._copied: nn.Module | None = None
        self._half: nn.Module | None = None
        self._trials = 0
        self._seconds = [0.0, 0.0]

    def __call__(self, model: nn.Module, batch: dict[str, Any], threshold: float) -> list[Any]:
        """Data samples with the predictions of ``model`` for a batch of a data loader.

        A pixel is a target if its probability exceeds ``threshold``.
        """
        if self.precision == 'auto':
            return self._try(model, batch, threshold)
        return self._run(model, batch, self.precision)

    def _run(self, model: nn.Module, batch: dict[str, Any], precision: str) -> list[Any]:
        if precision == 'float32':
            return model.test_step(batch)
        data = model.data_preprocessor(batch, False)
        images, samples = data['inputs'], data['data_samples']
        logits = self._logits_in_bfloat16(model, images, [sample.metainfo for sample in samples])
        # Probabilities near a threshold need more than the 8 bits of bfloat16.
        return model.postprocess_result(logits.float(), samples)

    def _logits_in_bfloat16(self, model: nn.Module, images: Tensor, metas: list[dict]) -> Tensor:
        if images.device.type == 'cpu' and self._copied is not model:
            self._copied, self._half = model, in_bfloat16(model)
        if self._half is not None:
            try:
                return self._half.inference(images.to(torch.bfloat16), metas)
            except RuntimeError as error:  # a part of another package that mixes precisions
                print_log(
                    f'the model does not run with bfloat16 weights ({error}): autocast is used',
                    logger='current',
                )
                self._half = None
        with torch.autocast(images.device.type, torch.bfloat16):
            return model.inference(images, metas)

    def _try(self, model: nn.Module, batch: dict[str, Any], threshold: float) -> list[Any]:
        """Answer in float32; where that finds targets, time bfloat16 and compare its answers."""
        exact, seconds = self._timed(model, batch, 'float32')
        answers = [_probability(sample, threshold) for sample in exact]
        telling = sum(bool((answer > threshold).any()) for answer in answers)
        if not telling:  # a black frame agrees in every precision
            return exact
        if not self._trials:
            self._timed(model, batch, 'bfloat16')  # converts and warms up
            seconds = min(seconds, self._timed(model, batch, 'float32')[1])
        rounded, other_seconds = self._timed(model, batch, 'bfloat16')
        agree = all(
            answers_agree(answer, _probability(sample, threshold), threshold)
            for answer, sample in zip(answers, rounded, strict=True)
        )
        self._trials += telling
        self._seconds = [self._seconds[0] + seconds, self._seconds[1] + other_seconds]
        if not agree or self._trials >= TRIALS:
            self._choose(agree)
        return exact

    def _timed(
        self, model: nn.Module, batch: dict[str, Any], precision: str
    ) -> tuple[list[Any], float]:
        start = time.perf_counter()
        samples = self._run(model, batch, precision)
        for sample in samples:
            sample.seg_logits.data.ravel()[:1].tolist()  # waits for a GPU
        return samples, time.perf_counter() - start

    def _choose(self, agree: bool) -> None:
        gain = self._seconds[0] / self._seconds[1]
        self.precision = 'bfloat16' if agree and gain >= WORTHWHILE else 'float32'
        print_log(
            f"precision='auto' takes {self.precision}: bfloat16 is {gain:.2f} times as fast as "
            f'float32 and {"agrees" if agree else "differs"} on '
            f'{format_count(self._trials, "image")} with targets',
            logger='current',
        )
        if self.precision == 'float32':
            self._copied = self._half = None


def _probability(sample: Any, threshold: float) -> Any:
    return read_prediction(sample.to_dict(), threshold, 'image')[1]


def answers_agree(exact: np.ndarray, rounded: np.ndarray, threshold: float) -> bool:
    """Whether two probability maps (H, W) find the same targets.

    Every target must overlap one of the other map, at most one in twenty of their pixels may differ
    (one pixel may always differ), and no probability may differ by more than `AGREEMENT`.
    """
    if np.abs(exact - rounded).max() > AGREEMENT:
        return False
    masks = exact > threshold, rounded > threshold
    shared = np.flatnonzero(masks[0] & masks[1])
    for mask in masks:
        if not all(np.isin(pixels, shared).any() for pixels in find_components(mask).members()):
            return False
    differing = np.count_nonzero(masks[0] ^ masks[1])
    return bool(differing <= max(1, 0.05 * np.count_nonzero(masks[0] | masks[1])))
