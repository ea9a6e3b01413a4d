"""Mixed precision: asking for it, and leaving it for a part of a model."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch


def autocast_is_on(device_type: str) -> bool:
    """Whether operations on such a device run in mixed precision here.

    Args:
        device_type: Such as 'cuda'. Tensors on 'meta' have no values and no autocast.
    """
    if device_type == 'meta':
        return False
    try:
        return torch.is_autocast_enabled(device_type)
    except TypeError:  # torch before 2.4 has a function per device
        per_device = {'cpu': 'is_autocast_cpu_enabled', 'cuda': 'is_autocast_enabled'}
        return device_type not in per_device or getattr(torch, per_device[device_type])()


def without_autocast(device_type: str) -> AbstractContextManager:
    """A context without autocast; none at all where autocast is off already.

    ``torch.export`` turns every autocast context into a sub-graph of its own, which multiplied the
    time to export SimIRSTD, and compilers fuse nothing across one.

    Args:
        device_type: Such as 'cuda'.
    """
    if not autocast_is_on(device_type):
        return nullcontext()
    return torch.autocast(device_type, enabled=False)
