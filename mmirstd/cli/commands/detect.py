"""Detect small targets in images, folders, large frames, videos and live streams.

Inputs are image files (PNG, TIFF, BMP, JPEG, NPY of any bit depth), folders, quoted glob
patterns, multi-page TIFFs, or one video file, camera (0) or stream (rtsp://...). Without --out the
targets are printed. See docs/how_to/detect.md.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import TimeElapsedColumn

from mmirstd.cli.arguments.detect_and_track import build_detect_parser, check_usage
from mmirstd.cli.arguments.detection import detector_options
from mmirstd.cli.arguments.shards import is_sharded
from mmirstd.cli.messages import SkippedImages
from mmirstd.cli.sharded import REPEATABLE, StoppedEarly, run_sharded
from mmirstd.cli.stopping import Stop, stop_on_signal
from mmirstd.cli.terminal import (
    EXPECTED_ERRORS,
    OK,
    PARTLY,
    load_libraries,
    make_progress,
    reports_errors,
)
from mmirstd.inference.detector import Detector
from mmirstd.inference.options import DetectorOptions
from mmirstd.inference.results import Detection
from mmirstd.inference.sources import LiveSources, video_rate
from mmirstd.inference.tracking import Tracker
from mmirstd.io.images.limits import set_image_limit
from mmirstd.io.live import LiveCapture
from mmirstd.io.outputs.guard import Inputs, check_output
from mmirstd.io.videos import is_video
from mmirstd.reporting.coco_dataset import CocoDataset
from mmirstd.reporting.video import TrackTable, TrackVideo
from mmirstd.reporting.writers import DetectionWriter
from mmirstd.wording import format_count


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    return build_detect_parser('detect', __doc__)


def main(argv: Sequence[str] | None = None) -> int:
    """Detect; returns the exit code."""
    parser = build_parser()
    return run(parser, parser.parse_args(argv))


@reports_errors(*EXPECTED_ERRORS)
def run(parser: argparse.ArgumentParser, args: argparse.Namespace) -> int:
    """Detect with the given arguments; returns the exit code."""
    check_usage(parser, args)
    if args.repeatable:
        os.environ[REPEATABLE] = '1'
    console = Console(stderr=True, highlight=False)
    done = _Done()
    skipped = SkippedImages(
        lambda text: console.print(f'[yellow]skipped[/] {escape(text)}', soft_wrap=True)
    )
    try:
        _run(args, console, 'raise' if args.on_error == 'fail' else skipped, done)
    except StoppedEarly:
        console.print('finished images are kept: --resume continues')
    skipped.finish()
    console.print(
        (f'[yellow]stopped by {done.stop.name}[/] after ' if done.stop.requested else '')
        + f'{format_count(done.targets, "target")} in {format_count(done.images, "image")}'
        + (f', written to {escape(args.out)}' if args.out is not None else '')
        + (f'; {format_count(skipped.count, "image")} skipped' if skipped.count else '')
        + done.describe_drops(),
        soft_wrap=True,
    )
    return done.stop.exit_code or (PARTLY if skipped.count else OK)


class _Done:
    """The outcome of a run so far."""

    def __init__(self) -> None:
        self.images = self.targets = 0
        self.stop = Stop()
        self.live: LiveCapture | None = None

    def describe_drops(self) -> str:
        """How many frames of a live source were dropped, if any."""
        if self.live is None or not self.live.dropped:
            return ''
        received = format_count(self.live.received, 'frame')
        return f'; {self.live.dropped} of {received} dropped to keep up'


def build_detector(
    args: argparse.Namespace, options: DetectorOptions, threads: int = 0
) -> Detector:
    """Load the model that the arguments name.

    Args:
        args: The command line.
        options: Options of the detector.
        threads: Threads to compute in; 0 leaves the number to the libraries.
    """
    if args.onnx is not None:
        from mmirstd.inference.onnx_detector import OnnxDetector

        return OnnxDetector(args.onnx, options=options, threads=threads)
    load_libraries()
    import torch

    from mmirstd.inference.torch_detector import IRSTDInferencer

    if threads:
        torch.set_num_threads(threads)
    return IRSTDInferencer(
        args.config if args.model is None else args.model,
        args.checkpoint,
        args.device,
        ema=args.ema,
        precision=args.precision,
        options=options,
    )


def _run(args: argparse.Namespace, console: Console, on_error: Any, done: _Done) -> None:
    """Process all images, or those before a signal."""
    if args.max_image_mb is not None:
        set_image_limit(args.max_image_mb)
    # All checks come before the model is loaded, which takes seconds.
    options = detector_options(args)
    inputs = args.inputs[0] if len(args.inputs) == 1 else args.inputs
    sources = Detector.sources(inputs, recursive=args.recursive, deinterlaced=args.deinterlace)
    total = len(sources) if isinstance(sources, list) else None
    files = (args.config, args.checkpoint, args.onnx, args.coco_ids)
    read = Inputs(file for file in files if file is not None)
    for file in [inputs] if total is None else [source.path for source in sources]:
        read.add(file)
    dataset = _read_coco_ids(args, sources)
    if is_sharded(args):
        run_sharded(
            args,
            options,
            sources,
            read,
            dataset,
            build=build_detector,
            on_error=on_error,
            done=done,
            console=console,
        )
        return
    writer = None
    if args.out is not None:
        writer = DetectionWriter(
            args.out, args.write, inputs=read, overwrite=args.overwrite, coco_ids=dataset
        )
    if args.save_plot is not None:
        check_output(args.save_plot, inputs=read)
    if args.video is not None:
        check_output(args.video, folder=args.out, inputs=read)
    # In one thread, sums are computed in the same order every time.
    detector = build_detector(args, options, 1 if args.repeatable else 0)
    quiet = args.quiet or args.out is None
    with ExitStack() as stack:
        if writer is not None:
            stack.enter_context(writer)
        tracker = Tracker(args.max_distance, args.max_gap) if args.track else None
        table = video = None
        if args.track:
            table = stack.enter_context(TrackTable(writer.files.growing('tracks.csv')))
        if args.video is not None:
            rate = args.rate or _rate(inputs, sources) or 25.0
            video = stack.enter_context(TrackVideo(writer.files.growing(args.video), rate))
        bar = stack.enter_context(make_progress(console, time=TimeElapsedColumn, disable=quiet))
        task = bar.add_task('images', total=total)
        stop = done.stop = stack.enter_context(stop_on_signal())
        if isinstance(sources, LiveSources):
            done.live = sources.capture
            sources.capture.is_stopped = lambda: stop.requested
        for detection in detector.stream(sources, batch_size=args.batch_size, on_error=on_error):
            if writer is not None:
                writer.write(detection)
            else:
                print_targets(detection, header=done.images == 0)
            if args.save_plot is not None and done.images == 0:
                detection.save(args.save_plot, 'overlay')
            if tracker is not None:
                tracks = tracker.update(detection.targets)
                table.write(detection.source.name, tracks)
                if video is not None:
                    video.write(detection, tracks)
            done.images += 1
            done.targets += len(detection.targets)
            bar.update(task, advance=1)
            if stop.requested:
                break
        if stop.requested and writer is not None:
            writer.files.state = f'stopped by {stop.name}'


def _read_coco_ids(args: argparse.Namespace, sources: Any) -> CocoDataset | None:
    """The dataset of --coco-ids; an image that it does not contain is an error."""
    if args.coco_ids is None:
        return None
    dataset = CocoDataset.read(args.coco_ids, args.coco_category)
    for source in sources if isinstance(sources, list) else ():
        dataset.image_id(source.name, source.path, source.frame)
    return dataset


def _rate(inputs: Any, sources: Any) -> float | None:
    """Frames per second of a video or stream, if it states them."""
    if isinstance(sources, LiveSources):
        return sources.capture.rate
    return video_rate(inputs) if is_video(inputs) else None


def print_targets(detection: Detection, *, header: bool = False) -> None:
    """Print one line per target, or one that says there is none; columns are aligned."""
    columns = '{:<28} {:>9} {:>9} {:>7} {:>7}'
    if header:
        print(columns.format('image', 'x', 'y', 'pixels', 'score'))
    name = detection.source.name
    name = name if len(name) <= 28 else f'...{name[-25:]}'
    for target in detection.targets:
        place = f'{target.x:.2f}', f'{target.y:.2f}'
        print(columns.format(name, *place, target.area, f'{target.score:.3f}'))
    if not detection.targets:
        print(columns.format(name, '-', '-', '-', '-'))
