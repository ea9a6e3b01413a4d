"""The command line of `mmirstd detect` and `mmirstd track`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from mmirstd.cli.arguments.detection import add_detection, check_detection
from mmirstd.cli.arguments.models import add_ema
from mmirstd.cli.arguments.parser import make_parser
from mmirstd.cli.arguments.shards import add_shard_arguments, check_shard_usage
from mmirstd.inference.frames.tiling import BLENDS
from mmirstd.io.images.limits import DEFAULT_LIMIT_MB, LIMIT_VARIABLE
from mmirstd.renamed import add_old_flag
from mmirstd.reporting.writers import FORMATS

DEFAULT_MODEL = 'tiny'

EXAMPLES = (
    'night.png',
    'images --config simirstd_nudt --checkpoint weights.pth --out found',
    'clip.mp4 --onnx model.onnx --out found --write mask overlay csv --track',
    'archive --recursive --out found --workers 8 --resume',
)


def build_detect_parser(
    name: str, description: str | None, examples: Sequence[str] = EXAMPLES
) -> argparse.ArgumentParser:
    """The command line of `detect`, or of `track`, which has the same arguments."""
    parser = make_parser(name, description, *examples)
    add = parser.add_argument
    add(
        'inputs',
        nargs='+',
        help='images, folders, "patterns", or one video file, camera index, URL of a stream or '
        'GStreamer pipeline',
    )
    add('--out', metavar='DIR', help='folder to write to; without it the targets are printed')
    add('--save-plot', metavar='FILE', help='picture of the first image with its targets')

    group = parser.add_argument_group('model: --model, or --config and --checkpoint, or --onnx')
    add = group.add_argument
    add(
        '--model',
        metavar='NAME',
        help=f"trained weights by name, folder or hf://owner/repository ('{DEFAULT_MODEL}'; "
        '`mmirstd models list` shows more)',
    )
    add('--config', help='config file, or name of a config such as simirstd_nudt')
    add('--checkpoint', help='trained weights: a file or a name')
    add('--onnx', metavar='FILE', help='model exported by `mmirstd export`; needs no PyTorch')
    add('--device', default='cpu', help="'cpu' (default) or 'cuda:0'")
    add(
        '--precision',
        choices=('float32', 'bfloat16', 'auto'),
        default='float32',
        help='auto continues in bfloat16 if it is faster and agrees on the first images with '
        'targets (float32)',
    )
    add_ema(group)

    group = parser.add_argument_group('detection')
    add = group.add_argument
    add_detection(group)
    add('--blend', choices=BLENDS, default='cosine', help='how tiles are blended')
    add(
        '--tta',
        action='store_true',
        help='test-time augmentation: mean probability of the image and its three mirror images '
        '(takes four times as long)',
    )
    add('--deinterlace', action='store_true', help='interpolate the odd lines of interlaced videos')
    add('--recursive', action='store_true', help='search folders with their sub-folders')
    add(
        '--max-image-mb',
        type=float,
        metavar='MB',
        help=f'most memory for one image ({DEFAULT_LIMIT_MB}; or {LIMIT_VARIABLE})',
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
        help=f'any of {", ".join(FORMATS)} (mask csv)',
    )
    add(
        '--coco-ids',
        metavar='FILE',
        help='COCO file of these images, with the ids of images and class for --write coco '
        '(without it, images are numbered from 1)',
    )
    add(
        '--coco-category',
        metavar='NAME',
        help='class of the targets in --coco-ids (the only one, or "target")',
    )
    add('--track', action='store_true', help='join detections of consecutive frames: tracks.csv')
    distance = add(
        '--max-distance',
        type=float,
        metavar='PX',
        help='largest motion of a target between frames, pixels (10)',
    )
    add_old_flag(parser, '--gate', distance)
    add('--max-gap', type=int, help='frames for which a track may stay unseen (3)')
    add('--video', metavar='NAME', help='annotated .mp4, .avi or .webm in --out; implies --track')
    add('--rate', type=float, help="frames per second of --video (the input video's, or 25)")
    add(
        '--overwrite',
        action='store_true',
        help='remove the files that an earlier run recorded in --out, and nothing else; without it '
        'a folder with earlier results is refused',
    )
    add('--quiet', action='store_true', help='no progress bar')
    add(
        '--repeatable',
        action='store_true',
        help='one thread per process, and no algorithm chosen by timing: every digit of the scores '
        'is the same in all runs on the same kind of processor',
    )
    add_shard_arguments(parser)
    return parser


def check_usage(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Complete the arguments; contradictory ones end the program as wrong usage."""
    given = [name for name in ('model', 'config', 'onnx') if getattr(args, name) is not None]
    if len(given) > 1:
        parser.error(f'give one of --model, --config and --onnx, not --{" and --".join(given)}')
    if args.checkpoint is not None and args.config is None:
        parser.error('--checkpoint needs --config')
    if not given:
        args.model = DEFAULT_MODEL
    if args.out is None:
        files = {'--write': args.write, '--track': args.track, '--video': args.video}
        for option in [name for name, value in files.items() if value]:
            parser.error(f'{option} writes files: give --out, the folder for them')
    args.write = args.write or ['mask', 'csv']
    if args.coco_ids is not None and 'coco' not in args.write:
        parser.error('--coco-ids needs --write coco')
    if args.coco_category is not None and args.coco_ids is None:
        parser.error('--coco-category needs --coco-ids')
    if args.rate is not None and not args.rate > 0:
        parser.error('--rate must be above 0')
    check_detection(parser, args)
    _complete_tracking(parser, args)
    check_shard_usage(parser, args)


def _complete_tracking(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Fill in the defaults of tracking; refuse its options where nothing is tracked or drawn."""
    if args.video is not None:
        args.track = True
    elif args.rate is not None:
        parser.error('--rate needs --video')
    if not args.track:
        for option, value in (('--max-distance', args.max_distance), ('--max-gap', args.max_gap)):
            if value is not None:
                parser.error(f'{option} needs --track or --video')
    args.max_distance = 10.0 if args.max_distance is None else args.max_distance
    args.max_gap = 3 if args.max_gap is None else args.max_gap
