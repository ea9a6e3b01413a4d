"""Pipeline steps that change the values of the image and leave the mask alone."""

from __future__ import annotations

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness

from mmirstd.datasets.intensity import divide_by_maximum
from mmirstd.registry import TRANSFORMS


@TRANSFORMS.register_module()
class RandomGaussianBlur(BaseTransform):
    """Blur some images a little: the last augmentation of ACM's training code.

    Modified keys: ``img``.

    Args:
        prob: Probability of a blur.
        max_sigma: The standard deviation in pixels is drawn uniformly up to it.
    """

    def __init__(self, prob: float = 0.5, max_sigma: float = 1.0) -> None:
        if not 0 <= prob <= 1:
            raise ValueError(f'prob must lie in [0, 1], got {prob}')
        if max_sigma <= 0:
            raise ValueError(f'max_sigma must be positive, got {max_sigma}')
        self.prob = prob
        self.max_sigma = max_sigma

    @cache_randomness
    def _draw(self) -> tuple[float, float]:
        """Whether to blur, in [0, 1], and the standard deviation."""
        return np.random.uniform(), np.random.uniform(0, self.max_sigma)

    def transform(self, results: dict) -> dict:
        """Blur one sample or leave it."""
        chance, sigma = self._draw()
        if chance < self.prob and sigma > 0:
            image = results['img']
            # OpenCV drops the axis of a single channel.
            results['img'] = cv2.GaussianBlur(image, (0, 0), sigma).reshape(image.shape)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(prob={self.prob}, max_sigma={self.max_sigma})'


@TRANSFORMS.register_module()
class DivideByMaximum(BaseTransform):
    """Scale an image so that its brightest value is 255, as UIU-Net's code does.

    A black image stays black. Modified keys: ``img``, float32 afterwards.
    """

    def transform(self, results: dict) -> dict:
        """Scale one sample."""
        results['img'] = divide_by_maximum(results['img'])
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}()'
