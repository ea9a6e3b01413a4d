"""Training-free detectors as backbones without weights, to be used with `ClassicalHead`.

The response of a filter is the only feature map. Shapes: N batch, H/W image.
"""

from abc import abstractmethod
from collections.abc import Sequence

from mmengine.model import BaseModule
from torch import Tensor

from mmirstd.models.layers.background_filters import (
    directional_residual,
    multiscale_patch_contrast,
    white_top_hat,
)
from mmirstd.registry import MODELS


def _odd(name: str, size: int) -> int:
    if size < 3 or size % 2 == 0:
        raise ValueError(f'{name} must be an odd number of pixels of at least 3, got {size}')
    return size


class ClassicalDetector(BaseModule):
    """Base class: gray image in, one response map out.

    Attributes:
        out_channels: Channels of the returned map.
    """

    out_channels = (1,)

    @abstractmethod
    def response(self, gray: Tensor) -> Tensor:
        """Response (N, 1, H, W), positive at targets, to a gray image of the same shape."""

    def forward(self, image: Tensor) -> tuple[Tensor]:
        """Response (N, 1, H, W) to ``image`` (N, C, H, W); several channels are averaged."""
        return (self.response(image.mean(dim=1, keepdim=True)),)


@MODELS.register_module()
class TopHat(ClassicalDetector):
    """White top-hat transform.

    Args:
        size: Side of the structuring square in pixels; targets have to be smaller.
    """

    def __init__(self, size: int = 9) -> None:
        super().__init__()
        self.size = _odd('size', size)

    def response(self, gray: Tensor) -> Tensor:
        """See `white_top_hat`."""
        return white_top_hat(gray, self.size)


@MODELS.register_module()
class LocalContrast(ClassicalDetector):
    """Multi-scale patch-based contrast measure, MPCM.

    Args:
        patches: Sides of the patches in pixels, odd.
    """

    def __init__(self, patches: Sequence[int] = (3, 5, 7, 9)) -> None:
        super().__init__()
        self.patches = tuple(_odd('patches', patch) for patch in patches)

    def response(self, gray: Tensor) -> Tensor:
        """See `multiscale_patch_contrast`."""
        return multiscale_patch_contrast(gray, self.patches)


@MODELS.register_module()
class MaxMedian(ClassicalDetector):
    """Max-median or max-mean filter.

    Args:
        size: Length of the lines in pixels; more than twice the width of targets.
        statistic: ``'median'`` or ``'mean'``.
    """

    def __init__(self, size: int = 15, statistic: str = 'median') -> None:
        super().__init__()
        if statistic not in ('median', 'mean'):
            raise ValueError(f"statistic must be 'median' or 'mean', got {statistic!r}")
        self.size = _odd('size', size)
        self.statistic = statistic

    def response(self, gray: Tensor) -> Tensor:
        """See `directional_residual`."""
        return directional_residual(gray, self.size, self.statistic)
