"""Mixed precision: query its state, and disable it for a part of a model."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch


def autocast_is_on(device_type: str) -> bool:
    """Whether operations on a device currently run in mixed precision.

    Args:
        device_type: Type of the device, such as 'cuda'. Tensors on 'meta' have no values and no
            autocast.
    """
    if device_type == 'meta':
        return False
    try:
        return torch.is_autocast_enabled(device_type)
    except TypeError:  # torch before 2.4 has a function per device
        per_device = {'cpu': 'is_autocast_cpu_enabled', 'cuda': 'is_autocast_enabled'}
        return device_type not in per_device or getattr(torch, per_device[device_type])()


def without_autocast(device_type: str) -> AbstractContextManager:
    """A context without autocast, or an empty context if autocast is off already.

    ``torch.export`` turns every autocast context into a separate sub-graph, which multiplied the
    time to export SimIRSTD, and compilers do not fuse operations across its boundary.

    Args:
        device_type: Type of the device, such as 'cuda'.
    """
    if not autocast_is_on(device_type):
        return nullcontext()
    return torch.autocast(device_type, enabled=False)
