"""Detect small targets in images, folders, large frames and videos.

Inputs are image files (PNG, TIFF, BMP, JPEG, NPY of any bit depth), folders, quoted glob
patterns, multi-page TIFFs, or one video file. Without --out the targets are printed. See
docs/how_to/detect.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
)

from mmirstd.cli.image_arguments import (
    add_intensity_range,
    add_tiles,
    check_tiles,
    parse_intensity_range,
)
from mmirstd.cli.libraries import load_libraries
from mmirstd.cli.model_arguments import add_ema
from mmirstd.cli.parsers import (
    EXPECTED_ERRORS,
    FAILED,
    OK,
    PARTLY,
    make_parser,
    print_error,
)
from mmirstd.cli.skipped import SkippedImages
from mmirstd.cli.stopping import Stop, stop_on_signal
from mmirstd.inference.detector import Detector
from mmirstd.inference.options import DetectorOptions
from mmirstd.inference.results import Detection
from mmirstd.inference.sources import is_video, video_rate
from mmirstd.inference.tiling import BLENDS
from mmirstd.inference.tracking import Tracker
from mmirstd.io.guard import Inputs, check_output
from mmirstd.io.limits import DEFAULT_LIMIT_MB, LIMIT_VARIABLE, set_image_limit
from mmirstd.renamed import add_old_flag
from mmirstd.reporting.video import TrackTable, TrackVideo
from mmirstd.reporting.writers import FORMATS, DetectionWriter

DEFAULT_MODEL = 'tiny'


EXAMPLES = (
    'night.png',
    'images --config simirstd_nudt --checkpoint weights.pth --out found',
    'clip.mp4 --onnx model.onnx --out found --write mask overlay csv --track',
)


def build_parser(
    name: str = 'detect', description: str | None = __doc__, examples: Sequence[str] = EXAMPLES
) -> argparse.ArgumentParser:
    """The command line of `detect`, or of `track`, which has the same arguments."""
    parser = make_parser(name, description, *examples)
    add = parser.add_argument
    add('inputs', nargs='+', help='images, folders, "patterns", or one video file')
    add('--out', metavar='DIR', help='folder to write to; without it the targets are printed')
    add(
        '--save-plot',
        metavar='FILE',
        help='picture of the first image with its targets marked and enlarged',
    )

    group = parser.add_argument_group('model: --model, or --config and --checkpoint, or --onnx')
    add = group.add_argument
    add(
        '--model',
        metavar='NAME',
        help=f"trained weights by name, folder or hf://owner/repository ('{DEFAULT_MODEL}'; "
        '`mmirstd models list` shows more)',
    )
    add('--config', help='config file, or name of a config such as simirstd_nudt')
    add('--checkpoint', help='trained weights (.pth)')
    add('--onnx', metavar='FILE', help='model exported by `mmirstd export`; needs no PyTorch')
    add('--device', default='cpu', help="'cpu' (default) or 'cuda:0'")
    add(
        '--precision',
        choices=('float32', 'bfloat16', 'auto'),
        default='float32',
        help='auto takes bfloat16 where the first image is faster with it and agrees (float32)',
    )
    add_ema(group)

    group = parser.add_argument_group('detection')
    add = group.add_argument
    add('--threshold', type=float, help="probability above which a pixel is a target (head's own)")
    add_tiles(group)
    add('--blend', choices=BLENDS, default='cosine', help='how tiles are blended')
    add(
        '--tta',
        action='store_true',
        help='test-time augmentation: mean probability of the image and its three mirror images '
        '(four times the work)',
    )
    add('--batch-size', type=int, default=1, help='images or tiles at once (1)')
    add_intensity_range(group)
    add(
        '--deinterlace',
        action='store_true',
        help='of interlaced videos, keep the even lines and draw the odd ones between them',
    )
    add('--recursive', action='store_true', help='search folders with their sub-folders')
    add(
        '--max-image-mb',
        type=float,
        metavar='MB',
        help=f'memory that one image may take ({DEFAULT_LIMIT_MB}; or {LIMIT_VARIABLE})',
    )
    add(
        '--on-error',
        choices=('skip', 'fail'),
        default='skip',
        help='what to do with an unusable image: report and skip it (default), or stop',
    )

    add = parser.add_argument_group('results').add_argument
    add(
        '--write',
        nargs='+',
        choices=FORMATS,
        metavar='WHAT',
        help=f'out of {", ".join(FORMATS)} (mask csv)',
    )
    add('--track', action='store_true', help='join detections of consecutive frames: tracks.csv')
    distance = add(
        '--max-distance',
        type=float,
        default=10.0,
        metavar='PX',
        help='largest motion of a target between frames, pixels (10)',
    )
    add_old_flag(parser, '--gate', distance)
    add('--max-gap', type=int, default=3, help='frames for which a track may stay unseen (3)')
    add('--video', metavar='NAME', help='annotated video in --out, .mp4 or .avi; implies --track')
    add('--rate', type=float, help="frames per second of --video (the input video's, or 25)")
    add(
        '--overwrite',
        action='store_true',
        help='remove the files that an earlier run recorded in --out, and nothing else; without it '
        'a folder with earlier results is refused',
    )
    add('--quiet', action='store_true', help='no progress bar')
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Detect; returns the exit code."""
    parser = build_parser()
    return run(parser, parser.parse_args(argv))


def run(parser: argparse.ArgumentParser, args: argparse.Namespace) -> int:
    """Detect with the given arguments; returns the exit code."""
    _check_usage(parser, args)
    console = Console(stderr=True, highlight=False)
    done = _Done()
    skipped = SkippedImages(lambda text: console.print(f'[yellow]skipped[/] {escape(text)}'))
    try:
        _run(args, console, 'raise' if args.on_error == 'fail' else skipped, done)
    except EXPECTED_ERRORS as error:
        print_error(error, console)
        return FAILED
    skipped.finish()
    console.print(
        (f'[yellow]stopped by {done.stop.name}[/] after ' if done.stop.requested else '')
        + f'{done.targets} targets in {done.images} images'
        + (f', written to {escape(args.out)}' if args.out is not None else '')
        + (f'; {skipped.count} images skipped' if skipped.count else '')
    )
    return done.stop.exit_code or (PARTLY if skipped.count else OK)


class _Done:
    """What was processed so far."""

    def __init__(self) -> None:
        self.images = self.targets = 0
        self.stop = Stop()


def _check_usage(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    given = [name for name in ('model', 'config', 'onnx') if getattr(args, name) is not None]
    if len(given) > 1:
        parser.error(f'give one of --model, --config and --onnx, not --{" and --".join(given)}')
    if args.checkpoint is not None and args.config is None:
        parser.error('--checkpoint belongs to --config: give its config')
    if not given:
        args.model = DEFAULT_MODEL
    if args.out is None:
        files = {'--write': args.write, '--track': args.track, '--video': args.video}
        for option in [name for name, value in files.items() if value]:
            parser.error(f'{option} writes files: give --out, the folder for them')
    args.write = args.write or ['mask', 'csv']
    check_tiles(parser, args)
    if args.batch_size < 1:
        parser.error('--batch-size must be at least 1')
    args.intensity_range = parse_intensity_range(parser, args.intensity_range)
    if args.video is not None:
        args.track = True


def detector_options(args: argparse.Namespace) -> DetectorOptions:
    """What the arguments say about detection."""
    return DetectorOptions(
        threshold=args.threshold,
        tile_size=args.tile_size,
        overlap=args.overlap,
        blend=args.blend,
        intensity_range=args.intensity_range,
        tta=args.tta,
    )


def build_detector(args: argparse.Namespace, options: DetectorOptions) -> Detector:
    """The model that the arguments name."""
    if args.onnx is not None:
        from mmirstd.inference.onnx_detector import OnnxDetector

        return OnnxDetector(args.onnx, options=options)
    load_libraries(Console(stderr=True))()
    from mmirstd.inference.torch_detector import IRSTDInferencer

    return IRSTDInferencer(
        args.config if args.model is None else args.model,
        args.checkpoint,
        args.device,
        ema=args.ema,
        precision=args.precision,
        options=options,
    )


def _run(args: argparse.Namespace, console: Console, on_error: Any, done: _Done) -> None:
    """Process everything, or what comes before a signal."""
    if args.max_image_mb is not None:
        set_image_limit(args.max_image_mb)
    options = detector_options(args)  # complains before the model is loaded
    inputs = args.inputs[0] if len(args.inputs) == 1 else args.inputs
    sources = Detector.sources(inputs, recursive=args.recursive, deinterlaced=args.deinterlace)
    total = len(sources) if isinstance(sources, list) else None
    read = Inputs(file for file in (args.config, args.checkpoint, args.onnx) if file is not None)
    for file in [inputs] if total is None else [source.path for source in sources]:
        read.add(file)
    # Refuses a folder with other results before the model is loaded.
    writer = None
    if args.out is not None:
        writer = DetectionWriter(args.out, args.write, inputs=read, overwrite=args.overwrite)
    if args.save_plot is not None:
        check_output(args.save_plot, inputs=read)
    if args.video is not None:
        check_output(args.video, folder=args.out, inputs=read)
    detector = build_detector(args, options)
    with ExitStack() as stack:
        if writer is not None:
            stack.enter_context(writer)
        tracker = Tracker(args.max_distance, args.max_gap) if args.track else None
        table = video = None
        if args.track:
            table = stack.enter_context(TrackTable(writer.files.growing('tracks.csv')))
        if args.video is not None:
            rate = args.rate or (video_rate(inputs) if is_video(inputs) else None) or 25.0
            video = stack.enter_context(TrackVideo(writer.files.growing(args.video), rate))
        columns = (TextColumn('images'), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        bar = stack.enter_context(
            Progress(*columns, console=console, disable=args.quiet or args.out is None)
        )
        task = bar.add_task('images', total=total)
        done.stop = stack.enter_context(stop_on_signal())
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
            if done.stop.requested:
                if writer is not None:
                    writer.files.state = f'stopped by {done.stop.name}'
                break


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
