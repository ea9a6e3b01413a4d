"""Cost of training a config per iteration: time, memory, and whether the loss falls."""

from __future__ import annotations

import resource
import statistics
import sys
import time
from dataclasses import dataclass
from itertools import chain, islice, repeat

import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope
from mmengine.runner import Runner, set_random_seed
from torch import nn

import mmirstd.engine  # noqa: F401 - AmpOptimWrapper for the CPU
from mmirstd.checkpoints import load_checkpoint
from mmirstd.registry import MODELS


@dataclass(frozen=True)
class TrainingCost:
    """Result of the measurement.

    Attributes:
        parameters: Number of parameters.
        trainable: Number of trained parameters.
        batch_size: Images per iteration.
        losses: Total loss of each iteration.
        seconds: Duration of each iteration from batch to updated weights, without loading data.
        cpu_seconds: CPU time of the same, summed over threads; it hardly depends on other work of
            the machine.
        peak_bytes: On CUDA the largest memory of tensors; on the CPU the largest
            resident size of the process, including libraries.
    """

    parameters: int
    trainable: int
    batch_size: int
    losses: tuple[float, ...]
    seconds: tuple[float, ...]
    cpu_seconds: tuple[float, ...]
    peak_bytes: int

    @property
    def median_seconds(self) -> float:
        """Median duration without the first iteration, which allocates and tunes."""
        return statistics.median(self.seconds[1:] or self.seconds)

    @property
    def median_cpu_seconds(self) -> float:
        """Median processor time without the first iteration."""
        return statistics.median(self.cpu_seconds[1:] or self.cpu_seconds)

    def mean_loss(self, count: int, *, last: bool) -> float:
        """Mean over the first or last ``count`` iterations."""
        return statistics.fmean(self.losses[-count:] if last else self.losses[:count])


def measure_training(
    config: Config, iterations: int, device: str | torch.device = 'cpu', *, seed: int = 0
) -> TrainingCost:
    """Train a config for a few iterations at its constant base learning rate.

    Learning-rate schedules, hooks, validation and checkpoints are left out.

    Args:
        config: The complete config; its ``load_from`` is respected.
        iterations: At least 1; the training split is repeated if it is shorter.
        device: Device of the computation.
        seed: Seed of weights, order of images and augmentation.

    Raises:
        ValueError: ``iterations`` is not positive.
    """
    if iterations < 1:
        raise ValueError(f'iterations={iterations} must be at least 1')
    device = torch.device(device)
    set_random_seed(seed)
    with DefaultScope.overwrite_default_scope(config.get('default_scope', 'mmseg')):
        loader = Runner.build_dataloader(config.train_dataloader, seed=seed)
        model: nn.Module = MODELS.build(config.model)
        model.init_weights()
        if config.get('load_from'):
            content = load_checkpoint(config.load_from)
            model.load_state_dict(content.get('state_dict', content))
        model = model.to(device).train()
        optimizer = build_optim_wrapper(model, config.optim_wrapper)
        if device.type == 'cuda':
            torch.cuda.reset_peak_memory_stats(device)
        losses, seconds, cpu_seconds = [], [], []
        for data in islice(chain.from_iterable(repeat(loader)), iterations):
            started, cpu_started = _now(device), time.process_time()
            logged = model.train_step(data, optimizer)
            seconds.append(_now(device) - started)
            cpu_seconds.append(time.process_time() - cpu_started)
            losses.append(float(logged['loss'].detach()))
    return TrainingCost(
        parameters=sum(p.numel() for p in model.parameters()),
        trainable=sum(p.numel() for p in model.parameters() if p.requires_grad),
        batch_size=config.train_dataloader.batch_size,
        losses=tuple(losses),
        seconds=tuple(seconds),
        cpu_seconds=tuple(cpu_seconds),
        peak_bytes=_peak_bytes(device),
    )


def _now(device: torch.device) -> float:
    if device.type == 'cuda':
        torch.cuda.synchronize(device)
    return time.perf_counter()


def _peak_bytes(device: torch.device) -> int:
    if device.type == 'cuda':
        return torch.cuda.max_memory_allocated(device)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == 'darwin' else peak * 1024  # kilobytes on Linux
