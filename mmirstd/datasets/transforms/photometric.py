"""Pipeline steps that change the values of the image but not the mask."""

from __future__ import annotations

import cv2
import numpy as np
from mmcv.transforms.utils import cache_randomness
from PIL import Image, ImageFilter

from mmirstd.datasets.intensity import divide_by_maximum
from mmirstd.datasets.transforms.steps import Step, check_probability
from mmirstd.registry import TRANSFORMS


@TRANSFORMS.register_module()
class RandomGaussianBlur(Step):
    """Blur some images a little: the last augmentation of ACM, DNANet and MSHNet.

    8-bit images are blurred by Pillow, as in the authors' code: its ``GaussianBlur(radius)`` is
    three box blurs that approximate a Gaussian with that standard deviation. Images of other
    types, which Pillow cannot blur, are blurred by OpenCV's Gaussian of the same deviation.

    Modified keys: ``img``.

    Args:
        prob: Probability of a blur.
        max_radius: The radius in pixels is drawn uniformly between 0 and this.

    Raises:
        ValueError: An argument is out of range.
    """

    def __init__(self, prob: float = 0.5, max_radius: float = 1.0) -> None:
        if max_radius <= 0:
            raise ValueError(f'max_radius must be positive, got {max_radius}')
        self.prob, self.max_radius = check_probability(prob), max_radius

    @cache_randomness
    def _draw(self) -> tuple[float, float]:
        """Whether to blur, in [0, 1), and the radius."""
        return np.random.uniform(), np.random.uniform(0, self.max_radius)

    def transform(self, results: dict) -> dict:
        chance, radius = self._draw()
        if chance < self.prob and radius > 0:
            results['img'] = gaussian_blur(results['img'], radius)
        return results


def gaussian_blur(image: np.ndarray, radius: float) -> np.ndarray:
    """Blur an image (H, W) or (H, W, C); see `RandomGaussianBlur`."""
    if image.dtype != np.uint8:
        # OpenCV drops the axis of a single channel.
        return cv2.GaussianBlur(image, (0, 0), radius).reshape(image.shape)
    channels = image[..., None] if image.ndim == 2 else image
    blurred = [
        np.asarray(Image.fromarray(channels[..., c]).filter(ImageFilter.GaussianBlur(radius)))
        for c in range(channels.shape[2])
    ]
    return np.stack(blurred, axis=-1).reshape(image.shape)


@TRANSFORMS.register_module()
class DivideByMaximum(Step):
    """Scale an image so that its brightest value is 255, as UIU-Net's code does.

    A black image stays black. Modified keys: ``img``, float32 afterwards.
    """

    def transform(self, results: dict) -> dict:
        results['img'] = divide_by_maximum(results['img'])
        return results


@TRANSFORMS.register_module()
class RandomIntensity(Step):
    """Change contrast, brightness and noise of a standardised image a little.

    ``contrast * image + brightness + noise`` with one draw of contrast and brightness per image
    and one normally distributed value per pixel. Units are standard deviations of the frame, see
    `StandardizeImage`; other images have to be scaled accordingly.

    Modified keys: ``img``, float32 afterwards.

    Args:
        prob: Probability in [0, 1] that an image is changed at all.
        contrast: The factor is drawn uniformly from 1 - contrast to 1 + contrast.
        brightness: The offset is drawn uniformly from -brightness to brightness.
        noise: Upper limit of the noise's standard deviation, which is drawn uniformly.

    Raises:
        ValueError: An argument is out of range.
    """

    def __init__(
        self,
        prob: float = 0.5,
        *,
        contrast: float = 0.2,
        brightness: float = 0.2,
        noise: float = 0.05,
    ) -> None:
        if not 0 <= contrast < 1:
            raise ValueError(f'contrast must be in [0, 1), got {contrast!r}')
        if brightness < 0 or noise < 0:
            raise ValueError(
                f'brightness and noise must not be negative, got {brightness!r} and {noise!r}'
            )
        self.prob, self.contrast = check_probability(prob), contrast
        self.brightness, self.noise = brightness, noise

    @cache_randomness
    def _draw(self) -> tuple[bool, float, float, float, int]:
        """Whether to change the image, factor, offset, deviation and seed of the noise."""
        change, *parts = np.random.uniform(size=4)
        return (
            bool(change < self.prob),
            1 + self.contrast * (2 * parts[0] - 1),
            self.brightness * (2 * parts[1] - 1),
            self.noise * parts[2],
            int(np.random.randint(2**31)),
        )

    def transform(self, results: dict) -> dict:
        change, factor, offset, deviation, seed = self._draw()
        if change:
            image = results['img'].astype(np.float32) * np.float32(factor) + np.float32(offset)
            noise = np.random.default_rng(seed).standard_normal(image.shape, dtype=np.float32)
            results['img'] = image + np.float32(deviation) * noise
        return results
