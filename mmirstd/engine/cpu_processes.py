"""Several processes on machines without an accelerator, which MMEngine's start does not expect."""

from __future__ import annotations

import torch
from mmengine.device import get_device
from mmengine.dist import init_dist
from mmengine.model import MMDistributedDataParallel
from torch import nn


def is_cpu_only() -> bool:
    """Whether models are put on the CPU."""
    return get_device() == 'cpu'


def join_on_cpu(launcher: str, timeout: int | None = None) -> None:
    """Let this process join the others through gloo.

    MMEngine chooses a GPU for each process first, which fails where there is none.

    Args:
        launcher: 'pytorch', 'slurm' or 'mpi', what has started the processes.
        timeout: Seconds that a process waits for the others; None takes PyTorch's own.
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
