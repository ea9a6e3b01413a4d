"""Time and peak memory of several callables, interleaved in one process."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch.profiler import ProfilerActivity, profile

Work = Callable[[], object]


@dataclass(frozen=True)
class Timing:
    """Durations of one side in seconds.

    Attributes:
        seconds: One value per round.
    """

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """Median duration."""
        return statistics.median(self.seconds)

    @property
    def spread(self) -> float:
        """Half the distance between the first and the third quartile."""
        if len(self.seconds) < 2:
            return 0.0
        first, _, third = statistics.quantiles(self.seconds, n=4, method='inclusive')
        return (third - first) / 2


def synchronize(device: torch.device) -> None:
    """Wait for queued work of a CUDA device."""
    if device.type == 'cuda':
        torch.cuda.synchronize(device)


def interleave(
    sides: Mapping[str, Work],
    rounds: int,
    *,
    warmup: int = 1,
    device: torch.device | str = 'cpu',
    progress: Callable[[], None] = lambda: None,
) -> dict[str, Timing]:
    """Time each side once per round, so that drift of the machine hits all sides alike.

    Args:
        sides: Name -> work.
        rounds: Timed rounds.
        warmup: Rounds before that.
        device: Device on which the work runs.
        progress: Called after each single run.
    """
    device = torch.device(device)
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for round_number in range(-warmup, rounds):
        for name, work in sides.items():
            synchronize(device)
            start = time.perf_counter()
            work()
            synchronize(device)
            if round_number >= 0:
                seconds[name].append(time.perf_counter() - start)
            progress()
    return {name: Timing(tuple(values)) for name, values in seconds.items()}


def peak_memory(work: Work, device: torch.device | str = 'cpu') -> int:
    """Largest number of bytes that ``work`` has allocated for tensors at any time.

    On the CPU the profiler's record of every allocation and release is summed up; on CUDA the
    allocator's own statistics are used.
    """
    device = torch.device(device)
    if device.type == 'cuda':
        torch.cuda.synchronize(device)
        before = torch.cuda.memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        work()
        torch.cuda.synchronize(device)
        return torch.cuda.max_memory_allocated(device) - before
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as record:
        work()
    events = [e for e in record.profiler.kineto_results.events() if e.name() == '[memory]']
    current = peak = 0
    for event in sorted(events, key=lambda e: e.start_ns()):
        current += event.nbytes()
        peak = max(peak, current)
    return peak
