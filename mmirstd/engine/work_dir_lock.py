"""One training per work folder at a time."""

from __future__ import annotations

import os
from pathlib import Path

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import BaseLoop, Runner

from mmirstd.io.outputs.lock import try_lock
from mmirstd.registry import HOOKS

_HELD: dict[Path, int] = {}
"""Work folders of this process, with the open files that hold the locks."""


@HOOKS.register_module()
class WorkDirLockHook(Hook):
    """Refuse to train in a work folder that another training process uses.

    A training may still run after its launcher was stopped, and two trainings would
    overwrite each other's checkpoints. The lock is released when the process ends, for whatever
    reason. It has no effect if the file system does not support locks.
    """

    priority = 'HIGHEST'

    def before_run(self, runner: Runner) -> None:
        """Lock the work folder.

        Raises:
            FileExistsError: Another process trains in it.
        """
        if not isinstance(runner._train_loop, BaseLoop) or not is_main_process():
            return
        folder = Path(runner.work_dir).resolve()
        if folder in _HELD or os.name != 'posix':
            return
        descriptor = os.open(folder, os.O_RDONLY)
        if not try_lock(descriptor):
            os.close(descriptor)
            raise FileExistsError(
                f'{folder}: another process is training in this work folder. Wait for it, stop '
                'it (`ps aux | grep train.py` shows it), or choose another --work-dir.'
            )
        _HELD[folder] = descriptor

    def after_run(self, runner: Runner) -> None:
        """Release the work folder."""
        descriptor = _HELD.pop(Path(runner.work_dir).resolve(), None)
        if descriptor is not None:
            os.close(descriptor)
