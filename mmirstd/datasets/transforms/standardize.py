"""Scale the values of any sensor to zero mean and unit variance, frame by frame."""

from __future__ import annotations

from mmirstd.datasets.intensity import standardize
from mmirstd.datasets.transforms.steps import Step
from mmirstd.registry import TRANSFORMS


@TRANSFORMS.register_module()
class StandardizeImage(Step):
    """Subtract the mean of the frame and divide by its standard deviation.

    The result does not depend on gain and offset of the sensor, so one model serves images of 8
    to 16 bits and floating point. Load the image with ``intensity_range='raw'``. Use it before
    any cropping, so that the statistics are those of the whole frame.

    Hot and dead pixels would inflate the deviation: for mean and deviation, values beyond the
    ``tail`` brightest and darkest pixels are replaced by the value at that rank. They stay in the
    image, limited to ``limit`` deviations.

    Modified keys: ``img``, float32 afterwards. A frame of one single value becomes 0.

    Args:
        tail: Fraction of the pixels at each end whose values do not enter the statistics in full.
        limit: Largest absolute value of the result.

    Raises:
        ValueError: An argument is out of range, or the image has no finite value.
    """

    def __init__(self, tail: float = 1e-4, *, limit: float = 50.0) -> None:
        if not 0 <= tail < 0.5:
            raise ValueError(f'tail must be in [0, 0.5), got {tail!r}')
        if limit <= 0:
            raise ValueError(f'limit must be positive, got {limit!r}')
        self.tail, self.limit = tail, limit

    def transform(self, results: dict) -> dict:
        results['img'] = standardize(
            results['img'], self.tail, self.limit, results.get('img_path') or 'image'
        )
        return results
