"""Keep the result of the deterministic first steps of a pipeline in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmcv.transforms import Compose

from mmirstd.datasets.transforms.steps import Step
from mmirstd.registry import TRANSFORMS


@TRANSFORMS.register_module()
class CachedSteps(Step):
    """Run steps once per image and return their result from memory afterwards.

    Give it loading and everything without random numbers, and put the augmentation after it. Each
    worker process of a data loader has its own cache.

    Required keys: ``img_path`` and what the first step needs. Modified and added keys: those of
    ``steps``.

    Args:
        steps: Configs of the steps, or callables. They must not draw random numbers.
        max_gib: Memory for arrays, in GiB; further images are computed again each time.

    Raises:
        ValueError: ``max_gib`` is negative.
    """

    def __init__(self, steps: Sequence[dict | Any], *, max_gib: float = 4.0) -> None:
        if max_gib < 0:
            raise ValueError(f'max_gib must not be negative, got {max_gib!r}')
        self.steps = Compose(list(steps))
        self.max_gib = max_gib
        self._kept: dict[str, dict] = {}
        self._bytes = 0

    def transform(self, results: dict) -> dict | None:
        key = results['img_path']
        kept = self._kept.get(key)
        if kept is None:
            kept = self.steps(results)
            if kept is None:
                return None
            arrays = [value for value in kept.values() if isinstance(value, np.ndarray)]
            size = sum(array.nbytes for array in arrays)
            if self._bytes + size > self.max_gib * 2**30:
                return kept
            for array in arrays:
                array.setflags(write=False)  # later steps must not change what is kept
            self._kept[key] = kept
            self._bytes += size
        # Later steps append to lists such as seg_fields.
        return {
            name: list(value) if isinstance(value, list) else value for name, value in kept.items()
        }
