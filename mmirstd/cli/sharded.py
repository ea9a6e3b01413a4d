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
from rich.progress import TimeElapsedColumn

from mmirstd.cli.arguments.shards import shard_option
from mmirstd.cli.stopping import stop_on_signal
from mmirstd.cli.terminal import make_progress
from mmirstd.inference.detector import Detector
from mmirstd.inference.options import DetectorOptions
from mmirstd.inference.sources import LiveSources
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
    sources: Any,
    read: Inputs,
    coco_ids: CocoDataset | None,
    *,
    build: Callable[[argparse.Namespace, DetectorOptions, int], Detector],
    on_error: Any,
    done: Any,
    console: Console,
) -> None:
    """Detect in all images with several processes.

    Args:
        args: The command line.
        options: Options of the detector.
        sources: All images.
        read: Files that no result may replace.
        coco_ids: See `DetectionWriter`.
        build: Loads the detector in each worker, which computes in this many threads.
        on_error: See `Detector.stream`.
        done: Receives the stop and the numbers of images and targets.
        console: Shows warnings and progress.

    Raises:
        StoppedEarly: A signal has ended the run.
        ValueError: The images are frames of a video or stream.
    """
    if not isinstance(sources, list):
        name = sources.capture.name if isinstance(sources, LiveSources) else args.inputs[0]
        raise ValueError(
            f'{name}: a video or stream is read in order, so leave out {shard_option(args)}'
        )
    check_parts(args.parts)
    if args.ray is not None:
        import_ray()
    workers = args.workers or os.cpu_count() or 1
    threads = _threads(args, workers)
    record, shards = plan(
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
        job=record,
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
        tell=lambda text: console.print(text, markup=False, highlight=False, soft_wrap=True),
    )
    job = Job(
        build=partial(build, args, options),
        folder=os.path.abspath(args.out),
        formats=tuple(args.write),
        batch_size=args.batch_size,
        threads=threads,
        parts=args.parts,
        working_dir=os.getcwd(),
        environment=tuple((n, os.environ[n]) for n in _INHERITED if n in os.environ),
    )
    bar = make_progress(console, time=TimeElapsedColumn, disable=args.quiet)
    task = bar.add_task('images', total=len(sources))
    show = partial(bar.update, task)
    execute = partial(_execute, args, job, done, show, len(sources))
    with bar, stop_on_signal() as done.stop, writer:
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
        show(completed=len(sources))


def _follow(tracker: Tracker, table: TrackTable, entry: Mapping[str, Any]) -> None:
    targets = [Target(**target) for target in entry['targets']]
    table.write(entry['name'], tracker.update(targets))


def _execute(
    args: argparse.Namespace,
    job: Job,
    done: Any,
    show: Callable[..., None],
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
        show(completed=finished + len(begun))

    show(completed=finished)
    if args.ray is None:
        yield from run_pool(job, shards, args.workers, is_stopped=is_stopped, on_image=note)
        return
    for shard in run_ray(job, shards, args.workers, address=args.ray, is_stopped=is_stopped):
        finished += len(shard.places)
        show(completed=finished)
        yield shard


def _threads(args: argparse.Namespace, workers: int) -> int:
    """Threads of each worker. The last digits depend on it, so a resumed run keeps the number."""
    if args.resume:
        earlier = (read_header(args.out) or {}).get('job', {}).get('threads')
        if isinstance(earlier, int) and earlier > 0:
            return earlier
    return 1 if args.ray is not None or args.repeatable else threads_per_worker(workers)


def _settings(args: argparse.Namespace) -> dict[str, Any]:
    """Everything that the results depend on except the images, for the record of the run."""
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
