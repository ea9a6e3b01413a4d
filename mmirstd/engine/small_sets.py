"""Recognise training sets that are small or have no targets before the first step."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import BaseLoop, Runner
from torch.utils.data import BatchSampler, DataLoader, IterableDataset

from mmirstd.datasets.transforms.loading import LoadMask
from mmirstd.engine.batches import WrappedBatches
from mmirstd.io.images.limits import ImageReadError
from mmirstd.io.images.masks import read_mask
from mmirstd.registry import HOOKS
from mmirstd.wording import format_count


class BatchesWithoutSingles(WrappedBatches):
    """A batch sampler that adds a second sample to a last batch of one.

    The second sample is the first one of the epoch. The number of batches does not change, and
    neither do the length of an epoch and the schedule.
    """

    def __iter__(self) -> Iterator[list]:
        first = None
        for batch in self.batches:
            if first is None:
                first = batch[0]
            elif len(batch) == 1:
                batch = [*batch, first]
            yield batch


def mask_files(dataset: Any) -> Iterator[tuple[str, LoadMask | None]]:
    """Paths of the masks of a dataset, including datasets that it joins or repeats.

    Yields:
        The path, and the step of the dataset's pipeline that reads it, or None without such a step.
    """
    for part in getattr(dataset, 'datasets', None) or []:
        yield from mask_files(part)
    if getattr(dataset, 'datasets', None):
        return
    inner = getattr(dataset, 'dataset', None)
    if inner is not None:
        yield from mask_files(inner)
    elif hasattr(dataset, 'get_data_info'):
        steps = getattr(getattr(dataset, 'pipeline', None), 'transforms', ())
        loader = next((step for step in steps if isinstance(step, LoadMask)), None)
        for index in range(len(dataset)):
            path = dataset.get_data_info(index).get('seg_map_path')
            if path is not None:
                yield path, loader


def require_batches(loader: Any) -> None:
    """Refuse a loader without a single batch, with which MMEngine would fail later.

    Raises:
        ValueError: There is no batch; the message says which options to change.
    """
    if isinstance(loader, DataLoader) and not isinstance(loader.dataset, IterableDataset):
        if len(loader):
            return
        samples = len(loader.dataset)
        raise ValueError(
            f'the training set has {format_count(samples, "image")}, fewer than one batch of '
            f'{loader.batch_size}, and incomplete batches are left out: set '
            f'train_dataloader.batch_size={max(samples, 1)} (or less), or '
            'train_dataloader.drop_last=False'
        )


@HOOKS.register_module()
class SmallSetHook(Hook):
    """Make small training sets work, and report sets from which nothing can be learned.

    - A set that is smaller than one batch is refused if incomplete batches are left out.
    - A last batch of one image gets a second one, because batch norm after global pooling (ACM,
      UIU-Net) cannot normalise a single value.
    - A warning is shown if no mask of a training set contains a target pixel.
    """

    priority = 'HIGHEST'  # before the seeds, which number the samples

    def before_run(self, runner: Runner) -> None:
        """Check the number of batches.

        Raises:
            ValueError: There is no batch.
        """
        if isinstance(runner._train_loop, BaseLoop):
            require_batches(runner.train_dataloader)

    def before_train(self, runner: Runner) -> None:
        """Prepare the loader and check the masks."""
        loader = runner.train_dataloader
        if not isinstance(loader, DataLoader):
            return
        self._pair_last_sample(loader)
        self._look_for_targets(loader)

    @staticmethod
    def _pair_last_sample(loader: DataLoader) -> None:
        inner = loader.batch_sampler
        while not isinstance(inner, BatchSampler) and hasattr(inner, 'batches'):
            inner = inner.batches
        if not isinstance(inner, BatchSampler) or inner.drop_last or inner.batch_size < 2:
            return
        samples = len(inner.sampler)
        if samples == 1:
            print_log(
                'the training set has one image for this process: models with batch norm after '
                'global pooling (ACM, UIU-Net, ...) need two',
                logger='current',
                level=logging.WARNING,
            )
        elif samples % inner.batch_size == 1:
            loader.__dict__['batch_sampler'] = BatchesWithoutSingles(loader.batch_sampler)

    @staticmethod
    def _look_for_targets(loader: DataLoader) -> None:
        count = 0
        for path, step in mask_files(loader.dataset):
            count += 1
            try:
                labels = read_mask(path) if step is None else step.read(path)
            except ImageReadError:
                if step is None:  # another loader may be able to read it
                    return
                raise
            if (labels == 1).any():
                return
        if count:
            print_log(
                f'none of the {format_count(count, "mask")} of the training set contains a target '
                'pixel: nothing can be learned, and IoU stays 0. Check the masks: '
                'mmirstd check FOLDER',
                logger='current',
                level=logging.WARNING,
            )
