"""Base class of the infrared backbones: input check, padding, record of the padded size."""

from abc import abstractmethod

from mmengine.model import BaseModule
from torch import Tensor

from mmirstd.models.features import FeatureMaps
from mmirstd.models.layers.feature_maps import pad_to_multiple


class IRSTDBackbone(BaseModule):
    """Base class of published models without their last layers, which compute the logits.

    It takes an image of any size and returns `FeatureMaps`, ordered from coarse to fine. The
    model's own prediction is computed from the last map, so a stock head with
    its default ``in_index=-1`` has the full information.

    Args:
        in_channels: Channels of the image, 1 or 3.
        size_multiple: Height and width are padded to multiples of it.
        minimum_size: Smaller heights and widths are padded to it.
        init_cfg: MMEngine's initialisation of the weights.

    Attributes:
        out_channels: Channels of the returned maps, in their order.
    """

    out_channels: tuple[int, ...]

    def __init__(
        self,
        in_channels: int,
        *,
        size_multiple: int = 1,
        minimum_size: int = 1,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.in_channels = in_channels
        self.size_multiple = size_multiple
        self.minimum_size = minimum_size

    @abstractmethod
    def features(self, image: Tensor) -> tuple[Tensor, ...]:
        """Feature maps (N, C, h, w) of a padded image (N, in_channels, H, W)."""

    def features_and_early_masks(
        self, image: Tensor
    ) -> tuple[tuple[Tensor, ...], dict[str, Tensor]]:
        """`features`, and logits (N, 1, h, w) by name that are decoded here; by default none."""
        return self.features(image), {}

    def forward(self, image: Tensor) -> FeatureMaps:
        """Feature maps of ``image`` (N, in_channels, H, W) with any H and W.

        Raises:
            ValueError: The image has another number of channels than the backbone.
        """
        if image.dim() != 4 or image.shape[1] != self.in_channels:
            raise ValueError(
                f'{type(self).__name__} was built with in_channels={self.in_channels} but received '
                f'an input of shape {tuple(image.shape)}; load images with '
                f"color_type='{'grayscale' if self.in_channels == 1 else 'color'}' or set "
                'in_channels of the backbone.'
            )
        padded = pad_to_multiple(image, self.size_multiple, minimum=self.minimum_size)
        maps, early_masks = self.features_and_early_masks(padded)
        return FeatureMaps(
            maps,
            early_masks=early_masks,
            image_size=tuple(image.shape[-2:]),
            padded_size=tuple(padded.shape[-2:]),
        )
