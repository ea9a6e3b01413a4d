"""Terminal output of a training or test run."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import get_world_size
from mmengine.hooks import Hook
from mmengine.runner import IterBasedTrainLoop, Runner
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import nn

from mmirstd.engine.console import ScreenHandler
from mmirstd.version import __version__
from mmirstd.wording import format_count

SCORES = ('IoU', 'nIoU', 'Pd', 'Fa')
"""Scores that get a column if the evaluator returns them."""

ROWS = 100
"""Largest number of lines between two validations of an iteration-based run."""


class ProgressHook(Hook):
    """Prints model and data, one line per epoch, and where the results are.

    It runs last, after the checkpoint of an epoch is written, and only in the main process.

    Args:
        console: Where to print.
        screen: The handler of the logger, whose ``reports`` this hook sets.
    """

    priority = 'LOWEST'

    def __init__(self, console: Console, screen: ScreenHandler) -> None:
        self.console = console
        self.screen = screen
        self.columns: tuple[str, ...] = SCORES
        self.row: dict[str, str] | None = None
        self.best: tuple[str, float] | None = None
        self.bar: Progress | None = None
        self.header = self.by_steps = False

    def introduce(self, runner: Runner) -> None:
        """Print versions, device and folders, before data and model are built."""
        config = runner.cfg.filename
        self._fact('mmirstd', f'{__version__}, torch {torch.__version__}, {_device()}')
        self._fact('config', str(config) if config else runner.experiment_name)
        self._fact('results', runner.work_dir)
        self._fact('log', str(runner.logger.log_file))

    # Training

    def before_train(self, runner: Runner) -> None:
        """Print model, data and schedule."""
        loop = runner.train_loop
        loader = loop.dataloader
        self.by_steps = isinstance(loop, IterBasedTrainLoop)
        batch = getattr(loader, 'batch_size', None) or 1
        processes = get_world_size()
        self._fact('model', _describe_model(runner))
        text = f'{format_count(len(loader.dataset), "image")} in batches of {batch}'
        if processes > 1:
            text += f' on {processes:,} processes'
        if not self.by_steps:
            text += f', {format_count(len(loader), "step")} per epoch'
        self._fact('data', text)
        self._fact('schedule', _describe_schedule(runner, self.by_steps))
        done = runner.iter if self.by_steps else runner.epoch
        if done:
            self._fact('resumed', f'after {"step" if self.by_steps else "epoch"} {done:,}')
        elif runner._load_from:
            self._fact('weights', str(runner._load_from))
        self.started, self.first = time.monotonic(), done
        self.last_row = time.monotonic()
        total = runner.max_iters if self.by_steps else runner.max_epochs
        self.every = max(1, math.ceil(total / ROWS)) if self.by_steps else 1
        self._end_bar()
        if self.by_steps:
            self._start_bar('training', total, done)

    def before_train_epoch(self, runner: Runner) -> None:
        """Print the line of the last epoch, if no validation completed it."""
        self._flush()
        if not self.by_steps:
            self._start_bar(f'epoch {runner.epoch + 1}', len(runner.train_dataloader))

    def after_train_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        """Update the bar; in an iteration-based run, print a line from time to time."""
        self._advance()
        if not self.by_steps:
            return
        self._flush()  # the line before this step, which no validation completed
        if (runner.iter + 1) % self.every == 0:
            self._new_row(runner, runner.iter + 1, runner.max_iters, self.every)

    def after_train_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Begin the line of this epoch."""
        if self.by_steps:
            return
        self._end_bar()
        steps = len(runner.train_dataloader)
        self._new_row(runner, runner.epoch + 1, runner.max_epochs, steps)

    def before_val_epoch(self, runner: Runner) -> None:
        """Show a bar for the validation."""
        self._start_bar('validation', len(runner.val_dataloader))

    def after_val_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        """Move the bar."""
        self._advance()

    def after_val_epoch(self, runner: Runner, metrics: Mapping[str, Any] | None = None) -> None:
        """Print the line of this epoch with its scores."""
        self._end_bar()
        if self.row is None:  # `runner.val()`, or an iteration-based run
            self.row = {'epoch': f'{runner.iter}' if self.by_steps else '-'}
        numbers = _choose_scores(metrics or {})
        if numbers and tuple(numbers) != self.columns:
            self.columns = tuple(numbers)
            self.header = False
        self.row |= {name: f'{value:.2f}' for name, value in numbers.items()}
        if numbers and self._improves(next(iter(numbers.items()))):
            self.row['note'] = 'best'
        self._flush()

    def after_train(self, runner: Runner) -> None:
        """Print the last line and where the results are."""
        self._flush()
        self._end_bar()
        spent = _clock(time.monotonic() - self.started)
        if getattr(runner.train_loop, 'stop_training', False):
            unit, end = (
                ('step', runner.max_iters) if self.by_steps else ('epoch', runner.max_epochs)
            )
            last = runner.iter if self.by_steps else runner.epoch
            self._fact(
                'stopped',
                f'after {unit} {last:,} of {end:,} by a hook such as EarlyStoppingHook; the log '
                'file names the reason',
            )
        self._fact('done', f'in {spent}; results in {runner.work_dir}')
        best = sorted(Path(runner.work_dir).glob('best_*.pth'), key=lambda p: p.stat().st_mtime)
        if best:
            self._fact('best', str(best[-1]))

    # Test

    def before_test(self, runner: Runner) -> None:
        """Print model and data, and allow the table of scores."""
        loader = runner.test_loop.dataloader
        self.screen.reports = True
        self._fact('model', _describe_model(runner))
        self._fact('weights', str(runner._load_from))
        self._fact('data', format_count(len(loader.dataset), 'image'))

    def before_test_epoch(self, runner: Runner) -> None:
        """Show a bar."""
        self._start_bar('test', len(runner.test_dataloader))

    after_test_iter = after_val_iter

    def after_test_epoch(self, runner: Runner, metrics: Mapping[str, Any] | None = None) -> None:
        """Print scores that our tables do not show, and where the numbers are stored."""
        self._end_bar()
        if metrics and not any(name.startswith('irstd/') for name in metrics):
            for name, value in metrics.items():
                self._fact(name, f'{value}')
        folder = Path(runner.log_dir)
        self._fact('numbers', str(folder / f'{runner.timestamp}.json'))

    # Pieces

    def _fact(self, name: str, text: str) -> None:
        self.console.print(f'{name:<9} {text}', markup=False, soft_wrap=True)

    def _improves(self, score: tuple[str, float]) -> bool:
        name, value = score
        if math.isnan(value) or (self.best is not None and value <= self.best[1]):
            return False
        self.best = (name, value)
        return True

    def _new_row(self, runner: Runner, number: int, total: int, steps: int) -> None:
        now = time.monotonic()
        per_unit = (now - self.started) / max(1, number - self.first)
        loss = math.nan
        if 'train/loss' in runner.message_hub.log_scalars:
            loss = runner.message_hub.get_scalar('train/loss').mean(steps)
        rate = next(iter(runner.optim_wrapper.get_lr().values()))[0]
        self.row = {
            'epoch': f'{number}',
            'loss': f'{loss:.4f}',
            'lr': f'{rate:.1e}',
            'time': _clock(now - self.last_row),
            'left': _clock(per_unit * (total - number)),
        }
        self.last_row = now

    def _flush(self) -> None:
        if self.row is None:
            return
        widths = {
            'step' if self.by_steps else 'epoch': 7,
            **{'loss': 9, 'lr': 9},
            **{name: max(8, len(name) + 2) for name in self.columns},
            **{'time': 9, 'left': 9},
        }
        if not self.header:
            titles = ''.join(f'{name:>{width}}' for name, width in widths.items())
            self.console.print(titles, style='bold', soft_wrap=True)
            self.header = True
        self.row['step'] = self.row['epoch']
        cells = ''.join(f'{self.row.get(name, "-"):>{width}}' for name, width in widths.items())
        note = self.row.get('note', '')
        self.console.print(f'{cells} {note}'.rstrip(), markup=False, soft_wrap=True)
        self.row = None

    def _start_bar(self, name: str, total: int, done: int = 0) -> None:
        if not self.console.is_terminal:
            return
        self._end_bar()
        columns = (
            TextColumn('{task.description}'),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        # Without a thread that redraws: data loaders fork, and a fork with threads can hang.
        self.bar = Progress(*columns, console=self.console, transient=True, auto_refresh=False)
        self.bar.add_task(name, total=total, completed=done)
        self.bar.start()
        self.drawn = 0.0

    def _advance(self) -> None:
        if self.bar is None:
            return
        self.bar.advance(self.bar.task_ids[0])
        if time.monotonic() - self.drawn > 0.2:
            self.bar.refresh()
            self.drawn = time.monotonic()

    def _end_bar(self) -> None:
        if self.bar is not None:
            self.bar.stop()
            self.bar = None


def _choose_scores(metrics: Mapping[str, Any]) -> dict[str, float]:
    """IoU, nIoU, Pd and Fa if they are available, otherwise the first four numbers."""
    numbers = {
        name: float(value)
        for name, value in metrics.items()
        if isinstance(value, int | float) or getattr(value, 'size', 0) == 1
    }
    plain = {name.removeprefix('irstd/'): value for name, value in numbers.items()}
    chosen = {name: plain[name] for name in SCORES if name in plain}
    if chosen:
        return chosen
    return {name.rpartition('/')[2]: value for name, value in list(numbers.items())[:4]}


def _describe_model(runner: Runner) -> str:
    model: nn.Module = getattr(runner.model, 'module', runner.model)
    parts = [getattr(model, name, None) for name in ('backbone', 'neck', 'decode_head')]
    names = ', '.join(type(part).__name__ for part in parts if isinstance(part, nn.Module))
    numbers = [(one.numel(), one.requires_grad) for one in model.parameters()]
    total = sum(count for count, _ in numbers)
    trained = sum(count for count, learns in numbers if learns)
    name = f'{type(model).__name__} ({names})' if names else type(model).__name__
    text = f'{name}, {format_count(total, "parameter")}'
    return text if trained == total else f'{text}, {trained:,} of them trained'


def _describe_schedule(runner: Runner, by_steps: bool) -> str:
    wrapper = runner.optim_wrapper
    unit = 'step' if by_steps else 'epoch'
    length = format_count(runner.max_iters if by_steps else runner.max_epochs, unit)
    optimizer = getattr(wrapper, 'optimizer', None)
    name = type(optimizer).__name__ if optimizer is not None else type(wrapper).__name__
    rate = max(runner.cfg.get('optim_wrapper', {}).get('optimizer', {}).get('lr', 0.0), 0.0)
    text = f'{length}, {name}' + (f' at {rate:g}' if rate else '')
    if runner.val_loop is not None:
        interval = getattr(runner.train_loop, 'val_interval', 1)
        text += f', validation every {f"{interval:,} {unit}s" if interval > 1 else unit}'
    return f'{text}, seed {runner.seed}'


def _device() -> str:
    if torch.cuda.is_available():
        return f'{torch.cuda.get_device_name()} x {max(1, get_world_size())}'
    return f'CPU, {format_count(torch.get_num_threads(), "thread")}'


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f'{hours}:{minutes:02}:{rest:02}' if hours else f'{minutes}:{rest:02}'
