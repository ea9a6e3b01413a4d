"""Several processes on machines without an accelerator, which MMEngine does not support."""

from __future__ import annotations

import torch
from mmengine.device import get_device
from mmengine.dist import init_dist
from mmengine.model import MMDistributedDataParallel
from torch import nn


def is_cpu_only() -> bool:
    """Whether models run on the CPU."""
    return get_device() == 'cpu'


def join_on_cpu(launcher: str, timeout: int | None = None) -> None:
    """Connect this process with the others through gloo.

    MMEngine first chooses a GPU for each process, which fails without a GPU.

    Args:
        launcher: 'pytorch', 'slurm' or 'mpi', which has started the processes.
        timeout: Seconds that a process waits for the others; None for PyTorch's default.
    """
    options = {} if timeout is None else {'timeout': timeout}
    choose_device, torch.cuda.set_device = torch.cuda.set_device, lambda device: None
    try:
        init_dist(launcher, backend='gloo', **options)
    finally:
        torch.cuda.set_device = choose_device


def wrap_on_cpu(model: nn.Module, find_unused_parameters: bool = False) -> nn.Module:
    """The model with gradients averaged over all processes, as MMEngine wraps it on a GPU."""
    return MMDistributedDataParallel(
        module=model,
        device_ids=None,
        broadcast_buffers=False,
        find_unused_parameters=find_unused_parameters,
    )
