"""The eight symmetries of the square as an augmentation."""

from __future__ import annotations

import numpy as np
from mmcv.transforms.utils import cache_randomness

from mmirstd.datasets.transforms.steps import Step, check_probability
from mmirstd.registry import TRANSFORMS


@TRANSFORMS.register_module()
class RandomSymmetry(Step):
    """Flip up-down, flip left-right and transpose, each with its own probability.

    With the default of 0.5 each of the eight symmetries of the square is equally likely. An
    infrared frame has no preferred direction at the scale of a target.

    Modified keys: ``img``, ``img_shape`` and the label maps named in ``seg_fields``.

    Args:
        prob: Probability in [0, 1] of each of the three steps.

    Raises:
        ValueError: ``prob`` is out of range.
    """

    def __init__(self, prob: float = 0.5) -> None:
        self.prob = check_probability(prob)

    @cache_randomness
    def _draw(self) -> tuple[bool, bool, bool]:
        """Whether to flip up-down, flip left-right, transpose; in the order of application."""
        first, second, third = (bool(draw < self.prob) for draw in np.random.uniform(size=3))
        return first, second, third

    def transform(self, results: dict) -> dict:
        steps = self._draw()
        for key in ('img', *results.get('seg_fields', [])):
            results[key] = _apply(results[key], *steps)
        results['img_shape'] = results['img'].shape[:2]
        return results


def _apply(array: np.ndarray, up_down: bool, left_right: bool, transpose: bool) -> np.ndarray:
    array = array[:: -1 if up_down else 1, :: -1 if left_right else 1]
    return np.ascontiguousarray(array.swapaxes(0, 1) if transpose else array)
