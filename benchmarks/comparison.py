"""Train several configs with the same short budget on the same images, and score them."""

from __future__ import annotations

import json
import math
import statistics
import time
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope, init_default_scope
from mmengine.runner import Runner
from torch import nn

from benchmarks.complexity import count
from mmirstd.datasets.splits import canonical_split_name, load_split
from mmirstd.inference.configs import image_channels, load_config

SCORES = ('IoU', 'nIoU', 'Pd', 'Fa')


@dataclass(frozen=True)
class Budget:
    """The training budget of every model.

    Attributes:
        epochs: Passes over the training images. Values that a config states in epochs (milestones,
            ends of schedules) are scaled in proportion. The warm-up of MSHNet keeps its iterations:
            it has to bring targets above the threshold before the location loss is added, and how
            long that takes does not depend on the length of the training. A shorter budget
            consists of warm-up only.
        train_images: The first n images of the training split, of each dataset in a joint config;
            None for all.
        test_images: The first n images of the split that is scored; None for all.
        batch_size: Images per iteration; None for the config's own.
        seed: Seed of weights, order of images and augmentation.
        score_on: ``'val'`` or ``'test'``, the split of the config to score on.
        crop: Train on square crops of this side in pixels, preferably with a target; scores use
            whole images. None for the config's input.
        options: Changes of every config, as ``--cfg-options`` takes them.
    """

    epochs: int
    train_images: int | None = None
    test_images: int | None = None
    batch_size: int | None = None
    seed: int = 0
    score_on: str = 'val'
    crop: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.epochs < 1:
            raise ValueError(f'epochs={self.epochs} must be at least 1')
        if self.score_on not in ('val', 'test'):
            raise ValueError(f"score_on must be 'val' or 'test', got {self.score_on!r}")


@dataclass(frozen=True)
class Row:
    """One model of the table.

    Attributes:
        config: Name of the config.
        parameters: Number of parameters.
        macs: Multiply-accumulates of one prediction at the config's input size.
        first_loss: Mean total loss of the first epoch; None if nothing was trained.
        last_loss: Mean total loss of the last epoch.
        scores: IoU, nIoU, Pd and Fa as `mmirstd.IRSTDMetric` defines them.
        train_seconds: Time of training, without scoring.
        log: Log file, relative to the folder of the comparison.
    """

    config: str
    parameters: int
    macs: int
    first_loss: float | None
    last_loss: float | None
    scores: dict[str, float]
    train_seconds: float
    log: str


def shorten_config(config: Config, budget: Budget, work_dir: Path) -> Config:
    """A copy of ``config`` that trains within ``budget`` and writes only below ``work_dir``."""
    cfg = deepcopy(config)
    cfg.work_dir = str(work_dir)
    cfg.default_hooks.checkpoint = dict(  # noqa: C408 - as in a config
        type='CheckpointHook', interval=-1, save_last=False
    )
    cfg.default_hooks.logger.interval = 1
    cfg.randomness = {'seed': budget.seed, 'deterministic': False}
    cfg.visualizer = {'type': 'SegLocalVisualizer', 'vis_backends': []}
    for name, images in (
        ('train', budget.train_images),
        (budget.score_on, budget.test_images),
    ):
        loader = cfg[f'{name}_dataloader']
        if loader is None:
            continue
        # Workers draw their own random numbers: in this process the run can be repeated.
        loader.num_workers = 0
        loader.persistent_workers = False
        if images is not None:
            for dataset in loader.dataset.get('datasets', [loader.dataset]):
                dataset.indices = images
    if budget.crop is not None:
        # mmseg tries ten crops to find one in which no class exceeds the given share.
        side = (budget.crop, budget.crop)
        crop = {'type': 'RandomCrop', 'crop_size': side, 'cat_max_ratio': 1 - 1e-6}
        if cfg.train_dataloader is not None:
            cfg.train_dataloader.dataset.pipeline.insert(-1, crop)
        cfg.model.data_preprocessor.size = side
    if cfg.get('train_cfg') is not None:
        _shorten_training(cfg, budget)
    cfg.val_dataloader = cfg[f'{budget.score_on}_dataloader']
    cfg.val_evaluator = cfg[f'{budget.score_on}_evaluator']
    cfg.merge_from_dict(dict(budget.options))
    return cfg


def _shorten_training(cfg: Config, budget: Budget) -> None:
    share = budget.epochs / cfg.train_cfg.max_epochs
    cfg.train_cfg.max_epochs = budget.epochs
    # Scored once, afterwards: the loop would otherwise validate after its last epoch too.
    cfg.train_cfg.val_begin = budget.epochs + 1
    for scheduler in cfg.param_scheduler:
        if scheduler.get('by_epoch', True):
            for key in ('begin', 'end', 'T_max', 'milestones'):
                if scheduler.get(key):
                    scheduler[key] = _scaled(scheduler[key], share)
    # A warm-up of less than one iteration is left out.
    *earlier, last = cfg.param_scheduler
    cfg.param_scheduler = [
        each
        for each in earlier
        if not each.get('by_epoch', True) or each.end - each.get('begin', 0) > 1
    ] + [last]
    before = _iterations(cfg.train_dataloader, None)
    if budget.batch_size is not None:
        cfg.train_dataloader.batch_size = budget.batch_size
    head = cfg.model.decode_head
    if head.get('warm_up_epochs'):
        iterations = head.warm_up_epochs * before
        epochs = math.ceil(iterations / _iterations(cfg.train_dataloader, budget.train_images))
        head.warm_up_epochs = min(epochs, budget.epochs)


def _iterations(loader: Mapping[str, Any], images: int | None) -> int:
    """Iterations of an epoch over the first ``images`` images of a published split, or all.

    One for any other list, whose length is not known before it is read.
    """
    split = loader['dataset'].get('split')
    if not isinstance(split, str) or canonical_split_name(split) is None:
        return 1
    listed = len(load_split(split).names)
    batches = min(images or listed, listed) / loader['batch_size']
    return max(1, math.floor(batches) if loader.get('drop_last') else math.ceil(batches))


def _scaled(epochs: int | Sequence[int], share: float) -> int | list[int]:
    if isinstance(epochs, int):
        return max(1, round(epochs * share))
    return [max(1, round(each * share)) for each in epochs]


def train_and_score(config: Config, budget: Budget, folder: Path) -> Row:
    """Train one config within ``budget`` and score it.

    A model without parameters is only scored.

    Args:
        config: The complete config.
        budget: Its budget.
        folder: Folder of the comparison; the config writes into a subfolder of its name.
    """
    name = Path(config.filename).stem
    work_dir = folder / name
    cfg = shorten_config(config, budget, work_dir)
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope', 'mmseg')):
        runner = Runner.from_cfg(cfg)
        complexity = count(_unwrapped(runner.model), _image(config, runner))
        first = last = None
        started = time.perf_counter()
        if complexity.parameters:
            runner.train()
            per_epoch = _epoch_losses(runner, budget.epochs)
            first, last = per_epoch[0], per_epoch[-1]
        seconds = time.perf_counter() - started
        metrics = runner.val()
    return Row(
        config=name,
        parameters=complexity.parameters,
        macs=complexity.total_macs,
        first_loss=first,
        last_loss=last,
        scores={score: float(metrics[f'irstd/{score}']) for score in SCORES},
        train_seconds=seconds,
        log=str((work_dir / runner.timestamp / f'{runner.timestamp}.log').relative_to(folder)),
    )


def _unwrapped(model: nn.Module) -> nn.Module:
    return getattr(model, 'module', model)


def _image(cfg: Config, runner: Runner) -> torch.Tensor:
    height, width = cfg.model.data_preprocessor.size
    device = next(_unwrapped(runner.model).buffers()).device
    return torch.zeros(1, image_channels(cfg), height, width, device=device)


def _epoch_losses(runner: Runner, epochs: int) -> list[float]:
    losses, _ = runner.message_hub.get_scalar('train/loss').data
    length = len(losses) // epochs
    return [
        statistics.fmean(losses[start : start + length])
        for start in range(0, length * epochs, length)
    ]


def compare(configs: Sequence[str], budget: Budget, folder: Path) -> list[Row]:
    """Train and score several configs one after the other.

    After each model, the table (``table.md``) and the numbers (``rows.json``) in ``folder`` are
    written again, so that an interrupted comparison keeps its results.

    Args:
        configs: Paths or names of configs.
        budget: Budget of each config.
        folder: Folder for all results; created.
    """
    loaded = [load_config(config) for config in configs]
    init_default_scope('mmseg')
    folder.mkdir(parents=True, exist_ok=True)
    rows: list[Row] = []
    for config in loaded:
        rows.append(train_and_score(config, budget, folder))
        content = {'budget': asdict(budget), 'rows': [asdict(row) for row in rows]}
        (folder / 'rows.json').write_text(json.dumps(content, indent=1) + '\n')
        (folder / 'table.md').write_text(table(rows) + '\n')
    return rows


def table(rows: Sequence[Row]) -> str:
    """Markdown table of ``rows``."""
    lines = [
        '| config | parameters | GMACs | first loss | last loss | IoU % | nIoU % | Pd % '
        '| Fa 1e-6 | seconds | log |',
        '| --- |' + ' ---: |' * 9 + ' --- |',
    ]
    for row in rows:
        losses = (
            '-' if loss is None else f'{loss:.3f}' for loss in (row.first_loss, row.last_loss)
        )
        scores = (f'{row.scores[name]:.2f}' for name in SCORES)
        cells = [
            row.config,
            f'{row.parameters:,}',
            f'{row.macs / 1e9:.3f}',
            *losses,
            *scores,
            f'{row.train_seconds:.0f}',
            row.log,
        ]
        lines.append('| ' + ' | '.join(cells) + ' |')
    return '\n'.join(lines)
