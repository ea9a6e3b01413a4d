"""Feature maps that carry queries and early masks from the encoder or neck to the next part.

Shapes: N batch, C channels, H/W image, h/w feature map, Q queries, D their width.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from torch import Tensor
from torch.utils import _pytree

from mmirstd.models.layers.feature_maps import crop_to_image


@dataclass(init=False, eq=False, repr=False)  # sharding rebuilds data classes, field by field
class FeatureMaps(tuple):
    """A tuple of feature maps (N, C_i, h_i, w_i) that carries queries and early masks.

    Stock MMSeg necks and heads see an ordinary tuple. A stock neck returns a plain tuple, which
    drops what only our parts understand, so parts can be swapped without an
    adapter. Every tensor is computed by the module that owns the weights, so hooks, sharding,
    activation checkpointing, profilers and FLOP counters see each weight where it is used.

    Args:
        padded: Feature maps (N, C_i, h_i, w_i), of the padded image if there is padding.
        queries: Sparse queries (N, Q, D) in the order in which the next part appends them.
        early_masks: Logits (N, 1, h, w) by name, in the order of decoding: ``'encoder'``, then
            ``'fpn'`` in SimIRSTD, ``'edges'`` in ISNet. Of the padded image if there is padding.
        image_size: (H, W) of the image that a backbone padded; None if nothing may be cropped.
        padded_size: (H, W) of the padded image.

    The arguments are also attributes. The tuple itself contains the parts of ``padded`` that cover
    the image. Our heads work on ``padded``, so that a model equals its original there.
    """

    padded: tuple[Tensor, ...]
    queries: Tensor | None
    early_masks: dict[str, Tensor]
    image_size: tuple[int, int] | None
    padded_size: tuple[int, int] | None

    def __new__(
        cls,
        padded: Iterable[Tensor],
        queries: Tensor | None = None,
        early_masks: Mapping[str, Tensor] | None = None,
        *,
        image_size: tuple[int, int] | None = None,
        padded_size: tuple[int, int] | None = None,
    ) -> FeatureMaps:
        """See the class."""
        if (image_size is None) != (padded_size is None):
            raise ValueError('image_size and padded_size must be given together')
        padded = tuple(padded)
        covering = padded
        if image_size is not None:
            covering = tuple(crop_to_image(each, image_size, padded_size) for each in padded)
        features = super().__new__(cls, covering)
        features.padded = padded
        features.queries = queries
        features.early_masks = dict(early_masks or {})
        features.image_size, features.padded_size = image_size, padded_size
        return features

    @classmethod
    def wrap(cls, maps: Iterable[Tensor]) -> FeatureMaps:
        """Return ``maps`` itself if it is a `FeatureMaps`, else wrap it, with maps alone."""
        return maps if isinstance(maps, cls) else cls(maps)


def _flatten(features: FeatureMaps) -> tuple[list, tuple]:
    children = [features.padded, features.queries, features.early_masks]
    return children, (features.image_size, features.padded_size)


def _unflatten(children: Iterable, sizes: tuple) -> FeatureMaps:
    maps, queries, early_masks = children
    return FeatureMaps(maps, queries, early_masks, image_size=sizes[0], padded_size=sizes[1])


# Exporters and function transforms look for tensors in registered containers.
_pytree.register_pytree_node(
    FeatureMaps, _flatten, _unflatten, serialized_type_name='mmirstd.FeatureMaps'
)
