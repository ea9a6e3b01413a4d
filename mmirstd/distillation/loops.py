"""Training loops that run a teacher on every batch, and a test loop for the student.

The loop owns the teacher: it is not part of the student's checkpoints, averages (EMA),
wrappers (DDP) and optimisers, and it is built again from its own file when a run is resumed.
"""

from __future__ import annotations

from typing import Any

import torch
from mmengine.device import get_device
from mmengine.dist import get_rank
from mmengine.logging import MessageHub
from mmengine.optim import AmpOptimWrapper
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop, Runner, TestLoop
from torch.utils.data import DataLoader

from mmirstd.datasets.prompted.sampler import ResumableSampler
from mmirstd.distillation.student import DistillationStudent
from mmirstd.distillation.teacher import Teacher, frozen_semantic_sam
from mmirstd.engine.sample_seed import seed_of
from mmirstd.registry import LOOPS
from mmirstd.renamed import rename_arguments


def unwrap_student(runner: Runner) -> DistillationStudent:
    """The student of a runner, unwrapped from DDP if necessary.

    Raises:
        TypeError: The model is not a student.
    """
    model = getattr(runner.model, 'module', runner.model)
    if not isinstance(model, DistillationStudent):
        raise TypeError(
            f'distillation trains an mmirstd.DistillationStudent, but model.type is '
            f'{type(model).__name__}'
        )
    return model


class _Distilling:
    """Base class of both loops: builds the teacher and shares its decoder with the student."""

    runner: Runner
    dataloader: DataLoader
    _iter: int

    def __init__(
        self, runner: Runner, dataloader: DataLoader | dict, *, teacher: dict, **options: Any
    ) -> None:
        super().__init__(runner, dataloader, **options)  # type: ignore[call-arg]
        self.dataloader_iterator = None  # that of MMEngine continues differently
        student = unwrap_student(self.runner)
        dataset = self.dataloader.dataset
        sampler = self.dataloader.sampler
        if not isinstance(sampler, ResumableSampler):
            raise ValueError(
                'train_dataloader.sampler must be dict(type="mmirstd.ResumableSampler"), which '
                f'can resume within an epoch; it is a {type(sampler).__name__}'
            )
        if teacher.get('cache') is not None and dataset.distinct_epochs is None:
            raise ValueError(
                'teacher.cache needs random draws that repeat: set '
                'train_dataloader.dataset.distinct_epochs to 1 (or another small number)'
            )
        self.teacher = Teacher(**teacher, device=get_device(), images=dataset.description())
        if student.criterion.needs_logits and not self.teacher.gives_logits:
            raise ValueError(
                "teacher.cache_precision='bits' stores no logits, which L_KL, L_CD and soft "
                "targets need: use 'float16', or a loss with terms=('bce', 'dice') and hard "
                'targets'
            )
        student.take_decoder(self.teacher.model)
        self.replaced = 0

    def _enter(self, epoch: int, batches: int) -> None:
        """Set the order of the data to that of an epoch, after ``batches`` batches."""
        self.dataloader.sampler.set_epoch(epoch, batches * self.dataloader.batch_size)

    def _step(self, index: int, data_batch: dict) -> None:
        """Run one iteration, including the teacher."""
        runner = self.runner
        runner.call_hook('before_train_iter', batch_idx=index, data_batch=data_batch)
        # So that the points of the losses do not depend on earlier iterations.
        torch.manual_seed(seed_of((runner.seed, self._iter, get_rank())))
        wrapper = runner.optim_wrapper
        precision = None
        if isinstance(wrapper, AmpOptimWrapper):
            precision = wrapper.cast_dtype or torch.float16  # the default of autocast on CUDA
        before = self.teacher.seconds
        answers = self.teacher.answer(data_batch, precision)
        hub = MessageHub.get_current_instance()
        hub.update_scalar('train/teacher_time', self.teacher.seconds - before)
        reasons = ','.join(filter(None, data_batch['data_samples']['replaced']))
        self.replaced += len(reasons.split(',')) if reasons else 0
        hub.update_scalar('train/replaced_images', self.replaced)
        outputs = runner.model.train_step({**data_batch, 'teacher': answers}, wrapper)
        runner.call_hook(
            'after_train_iter', batch_idx=index, data_batch=data_batch, outputs=outputs
        )
        self._iter += 1


@LOOPS.register_module()
class DistillEpochLoop(_Distilling, EpochBasedTrainLoop):
    """Train a student for a number of epochs.

    A resumed run continues with the next batch, even within an epoch (checkpoints by iteration:
    ``default_hooks.checkpoint.by_epoch=False``), and draws the same points for its losses. With
    gradient accumulation, save checkpoints at multiples of ``accumulative_counts``.

    Args:
        runner: MMEngine's runner.
        dataloader: Data loader of :class:`mmirstd.SA1BDataset` or a similar dataset, with
            :class:`mmirstd.ResumableSampler`.
        teacher: Arguments of :class:`mmirstd.distillation.teacher.Teacher`.
        **options: As in MMEngine's ``EpochBasedTrainLoop``, such as ``max_epochs``.

    Raises:
        ValueError: Sampler, cache and loss cannot be combined, or there is no teacher.
        TypeError: The model is not a student.
    """

    _epoch: int

    def run(self) -> torch.nn.Module:
        """Train from the current iteration to the last."""
        # A checkpoint by iteration at the end of an epoch belongs to the next one.
        self._epoch = max(self._epoch, self._iter // len(self.dataloader))
        return super().run()

    def run_epoch(self) -> None:
        """Train for the rest of an epoch."""
        done = self._iter - self._epoch * len(self.dataloader)
        self.runner.call_hook('before_train_epoch')
        self._enter(self._epoch, done)  # after the hook that sets the epoch of samplers
        self.runner.model.train()
        for index, data_batch in enumerate(self.dataloader, start=done):
            self._step(index, data_batch)
        self.runner.call_hook('after_train_epoch')
        self._epoch += 1


@LOOPS.register_module()
class DistillIterLoop(_Distilling, IterBasedTrainLoop):
    """Train a student for a number of iterations.

    The arguments are those of :class:`DistillEpochLoop`, but the options are those of MMEngine's
    ``IterBasedTrainLoop``, such as ``max_iters``.
    """

    def run(self) -> torch.nn.Module:
        """Train from the current iteration to the last."""
        runner = self.runner
        runner.call_hook('before_train')
        runner.call_hook('before_train_epoch')
        while self._iter < self._max_iters and not self.stop_training:
            epoch, done = divmod(self._iter, len(self.dataloader))
            self._enter(epoch, done)
            for data_batch in self.dataloader:
                runner.model.train()
                self._step(self._iter, data_batch)
                self._decide_current_val_interval()
                if (
                    runner.val_loop is not None
                    and self._iter >= self.val_begin
                    and (self._iter % self.val_interval == 0 or self._iter == self._max_iters)
                ):
                    runner.val_loop.run()
                if self._iter >= self._max_iters or self.stop_training:
                    break
        runner.call_hook('after_train_epoch')
        runner.call_hook('after_train')
        return runner.model


@LOOPS.register_module()
class DistillTestLoop(TestLoop):
    """Test a student with the decoder of the teacher, which the student's checkpoint lacks.

    Args:
        teacher: ``semantic_sam`` and ``checkpoint`` as in :class:`DistillEpochLoop`; other entries
            are ignored.
        **options: As in MMEngine's ``TestLoop``.
    """

    def __init__(self, teacher: dict, **options: Any) -> None:
        super().__init__(**options)
        student = unwrap_student(self.runner)
        if student.has_own_decoder:
            return
        teacher = rename_arguments(teacher, {'network': 'semantic_sam'}, 'teacher')
        student.take_decoder(
            frozen_semantic_sam(
                teacher['semantic_sam'], teacher.get('checkpoint'), decoder_device=get_device()
            )
        )
