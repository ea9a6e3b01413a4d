"""`mmirstd detect --workers N` and `--ray`."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from mmirstd.inference.detector import Detector
from mmirstd.inference.options import DetectorOptions
from mmirstd.inference.sources import Source
from mmirstd.inference.targets import Target
from mmirstd.inference.tracking import Tracker
from mmirstd.io.hashing import sha256
from mmirstd.io.images.limits import image_limit
from mmirstd.io.outputs.folder import read_header
from mmirstd.io.outputs.guard import Inputs
from mmirstd.parallel.merge import Merger
from mmirstd.parallel.parts import check_parts
from mmirstd.parallel.pool import run_pool, threads_per_worker
from mmirstd.parallel.ray_data import import_ray, run_ray
from mmirstd.parallel.run import clean_up, plan, run_shards
from mmirstd.parallel.shards import Shard
from mmirstd.parallel.work import Job
from mmirstd.reporting.coco_dataset import CocoDataset
from mmirstd.reporting.video import TrackTable
from mmirstd.reporting.writers import DetectionWriter

REPEATABLE = 'MMIRSTD_REPEATABLE'
_INHERITED = (REPEATABLE, 'MMIRSTD_MAX_IMAGE_MB')


class StoppedEarly(Exception):  # noqa: N818 - it is not an error
    """A signal has ended the run before all images were processed."""


def run_sharded(
    args: argparse.Namespace,
    options: DetectorOptions,
    sources: Sequence[Source],
    read: Inputs,
    coco_ids: CocoDataset | None = None,
    *,
    build: Callable[[argparse.Namespace, DetectorOptions], Detector],
    on_error: Any,
    done: Any,
    console: Console,
    show: Callable[[int], None],
) -> None:
    """Detect in all images with several processes.

    Args:
        args: The command line.
        options: Of the detector.
        sources: All images.
        read: Files that no result may replace.
        coco_ids: See `DetectionWriter`.
        build: Loads the detector, in each worker.
        on_error: See `Detector.stream`.
        done: Receives the numbers of images and targets; its ``stop`` says whether to stop.
        console: Where warnings go.
        show: Receives the number of images that are finished or in work.

    Raises:
        StoppedEarly: A signal came.
    """
    check_parts(args.parts)
    if args.ray is not None:
        import_ray()
    workers = args.workers or os.cpu_count() or 1
    threads = _threads(args, workers)
    job, shards = plan(
        args.out,
        sources,
        workers=workers,
        batch_size=args.batch_size,
        settings={**_settings(args), 'threads': threads},
        resume=args.resume,
    )
    writer = DetectionWriter(
        args.out,
        args.write,
        inputs=read,
        overwrite=args.overwrite,
        coco_ids=coco_ids,
        job=job,
        resume=args.resume,
    )
    files = writer.files
    if files.is_finished:
        clean_up(args.out, shards, args.write)
        console.print('the earlier run was complete, so there was nothing left to do')
        return
    merger = Merger(
        args.out,
        shards,
        writer,
        on_error=on_error,
        tell=lambda text: console.print(text, markup=False, highlight=False),
    )
    execute = partial(_execute, args, _job(args, options, build, threads), done, show, len(sources))
    with writer:
        with ExitStack() as tracks:
            if args.track:
                table = tracks.enter_context(TrackTable(files.growing('tracks.csv')))
                merger.on_entry = partial(_follow, Tracker(args.max_distance, args.max_gap), table)
            try:
                run_shards(files, shards, merger, execute, formats=args.write, parts=args.parts)
            finally:
                done.images, done.targets = merger.images, merger.targets
            if not merger.is_complete:
                files.state = f'stopped by {done.stop.name}'
                raise StoppedEarly
        writer.finish()
        files.mark('complete')
        clean_up(args.out, shards, args.write)


def _follow(tracker: Tracker, table: TrackTable, entry: Mapping[str, Any]) -> None:
    targets = [Target(**target) for target in entry['targets']]
    table.write(entry['name'], tracker.update(targets))


def _execute(
    args: argparse.Namespace,
    job: Job,
    done: Any,
    show: Callable[[int], None],
    total: int,
    shards: Sequence[Shard],
) -> Iterator[Shard]:
    """Process shards, and show how many of all images are finished or in work."""
    finished = total - sum(len(shard.places) for shard in shards)
    begun: set[tuple[int, str]] = set()

    def is_stopped() -> bool:
        return done.stop.requested

    def note(shard: Shard, name: str) -> None:
        begun.add((shard.index, name))  # once, also where a worker was killed
        show(finished + len(begun))

    show(finished)
    if args.ray is None:
        yield from run_pool(job, shards, args.workers, is_stopped=is_stopped, on_image=note)
        return
    for shard in run_ray(job, shards, args.workers, address=args.ray, is_stopped=is_stopped):
        finished += len(shard.places)
        show(finished)
        yield shard


def _threads(args: argparse.Namespace, workers: int) -> int:
    """Threads of each worker. Digits depend on it, so a resumed run keeps the number."""
    if args.resume:
        earlier = (read_header(args.out) or {}).get('job', {}).get('threads')
        if isinstance(earlier, int) and earlier > 0:
            return earlier
    return 1 if args.ray is not None or args.repeatable else threads_per_worker(workers)


def _settings(args: argparse.Namespace) -> dict[str, Any]:
    """What results depend on, beside the images, as the record shows it."""
    settings = {
        name: getattr(args, name)
        for name in (
            'model', 'config', 'checkpoint', 'onnx', 'ema', 'precision', 'threshold', 'tile_size',
            'overlap', 'blend', 'tta', 'intensity_range', 'write', 'parts', 'track',
            'coco_ids', 'coco_category',
        )
    }  # fmt: skip
    if args.track:
        settings |= {'max_distance': args.max_distance, 'max_gap': args.max_gap}
    for name in ('config', 'checkpoint', 'onnx', 'coco_ids'):
        file = getattr(args, name)
        if file is not None and Path(file).is_file():
            settings[f'content of the {name} file'] = sha256(file)
    settings['max_image_mb'] = image_limit() / 1e6
    settings['repeatable'] = bool(os.environ.get(REPEATABLE))
    return settings


def _job(
    args: argparse.Namespace,
    options: DetectorOptions,
    build: Callable[[argparse.Namespace, DetectorOptions], Detector],
    threads: int,
) -> Job:
    return Job(
        build=partial(_load, build, args, options),
        folder=os.path.abspath(args.out),
        formats=tuple(args.write),
        batch_size=args.batch_size,
        threads=threads,
        parts=args.parts,
        working_dir=os.getcwd(),
        environment=tuple((n, os.environ[n]) for n in _INHERITED if n in os.environ),
    )


def _load(
    build: Callable[[argparse.Namespace, DetectorOptions], Detector],
    args: argparse.Namespace,
    options: DetectorOptions,
    threads: int,
) -> Detector:
    """Load the detector, in a worker."""
    args.threads = threads
    return build(args, options)
