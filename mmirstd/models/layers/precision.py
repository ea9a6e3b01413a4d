"""Leaving mixed precision for a part of a network."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch


def without_autocast(device_type: str) -> AbstractContextManager:
    """A context without autocast; none at all where autocast is off already.

    ``torch.export`` turns every autocast context into a sub-graph of its own, which multiplied the
    time to export SimIRSTD, and compilers fuse nothing across one.

    Args:
        device_type: Such as 'cuda'.
    """
    if device_type == 'meta':  # tensors without values, which have no autocast
        return nullcontext()
    try:
        enabled = torch.is_autocast_enabled(device_type)
    except TypeError:  # before torch 2.4 it could be asked for CUDA only
        enabled = True
    return torch.autocast(device_type, enabled=False) if enabled else nullcontext()
