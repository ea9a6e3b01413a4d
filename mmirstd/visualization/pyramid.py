"""Feature pyramid without and with the queries (paper Fig. 4)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from mmirstd.models.necks.query_fpn import QueryFPN


@contextmanager
def _queries_left_out(neck: QueryFPN) -> Iterator[None]:
    kept = neck.num_queries, neck.early_decoding
    neck.num_queries, neck.early_decoding = 0, False  # an early mask is decoded from a query
    try:
        yield
    finally:
        neck.num_queries, neck.early_decoding = kept


@torch.no_grad()
def pyramid_before_and_after(model: nn.Module, images: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
    """Outputs of the pyramid levels without and with the interaction with the queries.

    Args:
        model: A segmentor whose neck is a :class:`~mmirstd.models.necks.query_fpn.QueryFPN`
            with queries.
        images: Normalised images (N, C, H, W).

    Returns:
        ``{'P2': (before, after), 'P3': ...}``, finest level first, maps (N, D, h, w). P2 is the
        finest as in FPN (the paper's figure and text disagree about which levels it shows).

    Raises:
        TypeError: The model has no query FPN.
        ValueError: Its FPN has no queries.
    """
    neck = getattr(model, 'neck', None)
    if not isinstance(neck, QueryFPN):
        raise TypeError(f'the neck is {type(neck).__name__}, not mmirstd.QueryFPN')
    if not neck.num_queries:
        raise ValueError('this QueryFPN has no queries (num_queries=0), so nothing can change')
    levels: dict[int, list[Tensor]] = {}
    hooks = [
        layer.register_forward_hook(
            lambda _, __, output, level=level: levels.setdefault(level, []).append(output)
        )
        for level, layer in enumerate(neck.layers)
    ]
    try:
        features = model.eval().backbone(images)
        with _queries_left_out(neck):
            neck(features)
        neck(features)
    finally:
        for hook in hooks:
            hook.remove()
    return {f'P{level + 2}': tuple(maps) for level, maps in sorted(levels.items())}
