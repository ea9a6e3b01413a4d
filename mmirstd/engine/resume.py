"""Resuming a training: choose the checkpoint, check it, and adapt its schedule."""

from __future__ import annotations

import copy
import logging
import re
import warnings
from pathlib import Path
from typing import Any

from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.optim import OptimWrapperDict
from mmengine.runner import BaseLoop, Runner

from mmirstd.checkpoints import load_checkpoint
from mmirstd.io.checkpoint_formats import damage
from mmirstd.registry import HOOKS
from mmirstd.wording import format_count

_PROGRESS = {'last_step', '_global_step', '_last_value', 'base_values', 'verbose', 'optimizer'}
"""Attributes that describe the progress of a scheduler; the others describe the schedule."""


_BEGAN = 'load_from'
"""Key of a checkpoint's ``meta``: the file whose weights the run began with."""


def _warn(message: str) -> None:
    print_log(message, logger='current', level=logging.WARNING)


def newest_checkpoint(folder: str | Path) -> Path | None:
    """The newest complete ``epoch_N.pth`` or ``iter_N.pth`` to resume from; None without any.

    That is the file that ``last_checkpoint`` names, unless it is missing or damaged, or a complete
    file with a larger N is newer, because a kill may occur between the two writes. Files of an
    earlier, longer run in the same folder are older and therefore not chosen.
    """
    folder = Path(folder)
    complete = {}
    for path in folder.glob('*.pth'):
        number = re.fullmatch(r'(?:epoch|iter)_(\d+)\.pth', path.name)
        if number and path.is_file():
            if reason := damage(path):
                _warn(f'--resume skips {path}, which {reason}')
            else:
                complete[path] = int(number[1])
    announced = _announced(folder)
    if announced not in complete:
        others = complete
    else:
        age = announced.stat().st_mtime
        others = {
            path: number
            for path, number in complete.items()
            if number > complete[announced] and path.stat().st_mtime >= age
        }
    if not others:
        return announced if announced and announced.is_file() and not damage(announced) else None
    return max(others, key=lambda path: (path.stat().st_mtime, others[path]))


def _announced(folder: Path) -> Path | None:
    """The file that ``last_checkpoint`` names; if the folder was moved, its namesake there."""
    try:
        path = Path((folder / 'last_checkpoint').read_text(encoding='utf-8').strip())
    except (OSError, ValueError):
        return None
    here = folder / path.name
    return here if here.is_file() else path


@HOOKS.register_module()
class ResumeHook(Hook):
    """Choose and check the checkpoint of ``--resume``, and use the schedule of the config.

    - Without ``load_from``, the newest complete checkpoint of the work folder is used, even if
      a kill prevented the update of ``last_checkpoint``; damaged ones are skipped. If there is
      none, training starts at the beginning, with a warning.
    - With ``load_from``, training resumes from that file. If the newest checkpoint of the work
      folder belongs to a run that began with the same file (a killed fine-tuning), that run is
      continued instead.
    - A checkpoint without state of the optimiser or of the schedule is refused.
    - If the schedule of the config differs from the saved one, for instance in its length, training
      continues at the rate that the config's schedule has at this point. MMEngine would keep the
      saved schedule, in which a cosine that has ended rises again.
    - A warning is shown if the schedule ends before the training does, or if nothing is left to
      train.
    """

    priority = 'VERY_HIGH'

    def __init__(self) -> None:
        self._began_with: str | None = None

    def before_run(self, runner: Runner) -> None:
        """Choose the checkpoint to resume from."""
        if not _trains(runner):
            return
        self._began_with = runner._load_from and str(runner._load_from)
        if not runner._resume:
            return
        found = newest_checkpoint(runner.work_dir)
        if self._began_with is None:
            if found is None:
                _warn(
                    f'--resume: {runner.work_dir} contains no complete checkpoint '
                    '(epoch_N.pth or iter_N.pth), so training starts at the beginning'
                )
            runner._resume = found is not None
            runner._load_from = found and str(found)
        elif found and load_checkpoint(found).get('meta', {}).get(_BEGAN) == self._began_with:
            runner._load_from = str(found)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Check that the checkpoint can be resumed from, and adapt its schedule.

        Raises:
            ValueError: The checkpoint has no state of the optimiser or of the schedule.
        """
        if not (_trains(runner) and runner._resume):
            return
        missing = [
            what
            for key, what in (
                ('meta', 'position in the training (meta)'),
                ('message_hub', 'log (message_hub)'),
                ('optimizer', 'state of the optimiser'),
                ('param_schedulers', 'state of the schedule'),
            )
            if key not in checkpoint and not (key == 'param_schedulers' and not _schedules(runner))
        ]
        if missing:
            raise ValueError(
                f'{runner._load_from} cannot be resumed from: it contains no '
                f'{", no ".join(missing)}. Resume from an epoch_N.pth or iter_N.pth of the run '
                '(best_*.pth contain weights only), or start a new training from these weights: '
                f'leave --resume out and set load_from={runner._load_from}'
            )
        if _schedules(runner):
            follow_config(runner, checkpoint)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Store the file whose weights the run began with."""
        if self._began_with is not None:
            checkpoint.setdefault('meta', {})[_BEGAN] = self._began_with

    def before_train(self, runner: Runner) -> None:
        """Warn of a schedule that ends early, and of a training that has ended already."""
        last = runner.train_loop
        if last.iter and last.iter >= last.max_iters:
            instead = ', or leave --resume out to begin with these weights'
            _warn(
                f'nothing is left to train: {runner._load_from} is after iteration {last.iter} '
                f'and the config ends at {last.max_iters}. Set a larger train_cfg.max_epochs (or '
                f'max_iters){instead if self._began_with else ""}'
            )
        schedules = _schedules(runner)
        if schedules and not any(
            s.end >= (last.max_epochs if s.by_epoch else last.max_iters) for s in schedules
        ):
            schedulers = ', '.join(
                f'{type(s).__name__} ends at {"epoch" if s.by_epoch else "iteration"} {s.end}'
                for s in schedules
            )
            _warn(
                f'the schedule of the learning rate ends before the training does ({schedulers}; '
                f'training: {format_count(last.max_epochs, "epoch")}, '
                f'{format_count(last.max_iters, "iteration")}): its last rate is kept. Set '
                'param_scheduler.N.end and T_max, or milestones, together with '
                'train_cfg.max_epochs.'
            )


def _trains(runner: Runner) -> bool:
    return isinstance(runner._train_loop, BaseLoop)


def _schedules(runner: Runner) -> list[Any]:
    schedulers = runner.param_schedulers
    if isinstance(schedulers, dict):
        return [each for several in schedulers.values() for each in several]
    return list(schedulers or [])


def follow_config(runner: Runner, checkpoint: dict) -> None:
    """Replace the schedule of a checkpoint by that of the config if they differ.

    The new schedulers of the runner are advanced to the position of the checkpoint; their state
    and the resulting rates replace those of the checkpoint.
    """
    saved, fresh = checkpoint['param_schedulers'], runner.param_schedulers
    if isinstance(fresh, dict) or isinstance(runner.optim_wrapper, OptimWrapperDict):
        return  # several optimisers: as MMEngine does
    differences = _differences(saved, [scheduler.state_dict() for scheduler in fresh])
    if not differences:
        return
    meta = checkpoint['meta']
    epochs, iterations = meta.get('epoch', 0), meta.get('iter', 0)
    per_epoch = max(iterations // epochs, 1) if epochs else iterations + 1
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # no step of the optimiser comes between
        for iteration in range(1, iterations + 1):
            for scheduler in fresh:
                if not scheduler.by_epoch or (
                    iteration % per_epoch == 0 and iteration // per_epoch <= epochs
                ):
                    scheduler.step()
    checkpoint['param_schedulers'] = [copy.deepcopy(each.state_dict()) for each in fresh]
    groups = runner.optim_wrapper.optimizer.param_groups
    stored = checkpoint['optimizer']['param_groups']
    for group, old in zip(groups, stored, strict=True):
        old['lr'] = group['lr']
    _warn(
        f'the schedule of {runner._load_from} differs from that of the config '
        f'({"; ".join(differences)}): training continues with that of the config, at the rate '
        f'{groups[0]["lr"]:.3g} after '
        f'{format_count(epochs or iterations, "epoch" if epochs else "iteration")}'
    )


def _differences(saved: list[dict], new: list[dict]) -> list[str]:
    if len(saved) != len(new):
        return [f'{format_count(len(saved), "scheduler")} saved, {len(new)} in the config']
    return [
        f'{key}: {old.get(key)} saved, {now.get(key)} in the config'
        for old, now in zip(saved, new, strict=True)
        for key in sorted((old.keys() | now.keys()) - _PROGRESS)
        if old.get(key) != now.get(key)
    ]
