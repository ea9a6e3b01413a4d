"""Checkpoints that survive a kill, a crash and a full disk at any moment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.fileio import LocalBackend, register_backend
from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner

from mmirstd.io.outputs.atomic import remove_interrupted_writes, write_atomically
from mmirstd.registry import HOOKS


@register_backend('mmirstd_atomic', force=True)
class AtomicLocalBackend(LocalBackend):
    """MMEngine's local file backend with :func:`write_atomically` for every write."""

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Replace ``filepath`` by ``obj`` atomically."""
        write_atomically(filepath, obj)

    def put_text(self, obj: str, filepath: str | Path, encoding: str = 'utf-8') -> None:
        """Replace ``filepath`` by ``obj`` atomically."""
        write_atomically(filepath, obj.encode(encoding))


class _RemoveLater(AtomicLocalBackend):
    """Local backend that collects files to remove until :meth:`remove_noted` is called."""

    def __init__(self) -> None:
        self.noted: list[Path] = []

    def remove(self, filepath: str | Path) -> None:
        self.noted.append(Path(filepath))

    def remove_noted(self, keep: set[Path]) -> None:
        """Remove the collected files, except those that were written again in the meantime."""
        for path in self.noted:
            if path not in keep:
                path.unlink(missing_ok=True)
        self.noted.clear()


@HOOKS.register_module()
class AtomicCheckpointHook(CheckpointHook):
    """MMEngine's ``CheckpointHook``, safe against interruption; same arguments.

    MMEngine writes a checkpoint in place and removes the outdated one before it writes the new
    one. If the process is killed in between, the only remaining file is truncated (with
    ``max_keep_ckpts=1``, and always for the best one). Here a checkpoint is written under a
    temporary name, flushed, renamed, and then recorded in ``last_checkpoint``; only then are
    outdated ones removed. This needs space for one more checkpoint. Remote storage, which
    replaces whole objects, is left to MMEngine.
    """

    file_backend: Any

    def before_train(self, runner: Runner) -> None:
        """Choose the backend for ``out_dir``, and remove the remains of a killed run."""
        super().before_train(runner)
        self._is_local = type(self.file_backend) is LocalBackend
        if self._is_local:
            self.file_backend = _RemoveLater()
            self.backend_args = {'backend': 'mmirstd_atomic'}
            if is_main_process():
                remove_interrupted_writes(self.out_dir)

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Save the best checkpoint.

        Raises:
            ValueError: The metric of ``save_best`` is not among the validation results.
        """
        metrics = metrics or {}
        wanted = set(self.save_best or ()) - {'auto'}
        if metrics and not wanted <= metrics.keys():
            raise ValueError(
                f'default_hooks.checkpoint.save_best={sorted(wanted)} is not among the validation '
                f'results {sorted(metrics)}: set save_best to one of these, with a suitable rule'
            )
        super().after_val_epoch(runner, metrics)
        self._remove_outdated()

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict) -> None:
        if not self._is_local:
            super()._save_checkpoint_with_step(runner, step, meta)
            return
        if self.max_keep_ckpts > 0 and step not in self.keep_ckpt_ids:
            if len(self.keep_ckpt_ids) == self.max_keep_ckpts:
                self.file_backend.remove(self._path(self.keep_ckpt_ids[0]))
            self.keep_ckpt_ids.append(step)  # drops the oldest
            runner.message_hub.update_info('keep_ckpt_ids', list(self.keep_ckpt_ids))
        path = self._path(step)
        self.last_ckpt = str(path)
        runner.message_hub.update_info('last_ckpt', self.last_ckpt)
        runner.save_checkpoint(
            self.out_dir,
            path.name,
            save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler,
            meta=meta,
            by_epoch=self.by_epoch,
            backend_args=self.backend_args,
            **self.args,
        )
        if is_main_process():
            pointer = Path(runner.work_dir) / 'last_checkpoint'
            write_atomically(pointer, self.last_ckpt)
        self._remove_outdated()

    def _path(self, step: int) -> Path:
        return Path(self.out_dir) / self.filename_tmpl.format(step)

    def _remove_outdated(self) -> None:
        if not self._is_local or not is_main_process():
            return
        best = [getattr(self, 'best_ckpt_path', None)]
        best += getattr(self, 'best_ckpt_path_dict', {}).values()
        self.file_backend.remove_noted(keep={Path(path) for path in best if path})
