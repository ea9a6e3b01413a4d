"""How queries and early masks travel with the feature maps from encoder to head."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from torch import Tensor

DeferredLogits = Callable[[], Tensor]
"""An early decoding that is computed only when somebody asks for its logits (N, 1, h, w)."""


class QueryFeatures(tuple):
    """A tuple of feature maps that carries queries and early decodings.

    Stock MMSeg necks and heads see a plain tuple of maps (N, C_i, h_i, w_i), finest first; a
    stock neck returns a plain tuple again, so what only our own parts understand is dropped and
    every swap works without an adapter.

    Attributes:
        queries: Sparse queries (N, Q, D) in the order in which the next part appends them, or
            None.
        early: Deferred early decodings in the order of decoding, by name: ``'encoder'``, then
            ``'fpn'``. Deferred, because prediction needs at most the last one while training
            supervises all of them.
    """

    queries: Tensor | None
    early: dict[str, DeferredLogits]

    def __new__(
        cls,
        maps: Iterable[Tensor],
        queries: Tensor | None = None,
        early: Mapping[str, DeferredLogits] | None = None,
    ) -> QueryFeatures:
        """Wrap ``maps``; see the class for the other arguments."""
        features = super().__new__(cls, maps)
        features.queries = queries
        features.early = dict(early or {})
        return features

    @classmethod
    def wrap(cls, maps: Iterable[Tensor]) -> QueryFeatures:
        """Return ``maps`` itself if it already carries queries, else wrap it without any."""
        return maps if isinstance(maps, cls) else cls(maps)
