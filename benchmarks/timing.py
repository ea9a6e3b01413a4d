"""Time and peak memory of several callables, interleaved in one process."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import torch
from torch.profiler import ProfilerActivity, profile
from torch.utils.benchmark import Measurement, TaskSpec, timer

Work = Callable[[], object]


def interleave(
    sides: Mapping[str, Work],
    rounds: int,
    *,
    warmup: int = 1,
    pause: float = 0.0,
    progress: Callable[[], None] = lambda: None,
) -> dict[str, Measurement]:
    """Time each side once per round, so that drift of the machine affects all sides equally.

    Args:
        sides: Name -> work.
        rounds: Timed rounds.
        warmup: Rounds before that.
        pause: Seconds before each run. The threads of another library, such as onnxruntime, spin
            for a while after their work and would slow down the next side.
        progress: Called after each single run.

    Returns:
        Name -> PyTorch's measurement, with ``median`` and ``iqr`` in seconds.
    """
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for round_number in range(-warmup, rounds):
        for name, work in sides.items():
            time.sleep(pause)
            start = timer()  # waits for queued work of an accelerator
            work()
            duration = timer() - start
            if round_number >= 0:
                seconds[name].append(duration)
            progress()
    threads = torch.get_num_threads()
    return {
        name: Measurement(1, values, TaskSpec(stmt=name, setup='', num_threads=threads))
        for name, values in seconds.items()
    }


def peak_memory(work: Work, device: torch.device | str = 'cpu') -> int:
    """Largest number of bytes that ``work`` has allocated for tensors at any time.

    On the CPU, the profiler's record of every allocation and release is summed; on CUDA, the
    statistics of the allocator are used.
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
