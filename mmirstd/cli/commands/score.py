"""Score a folder of predictions against a folder of ground-truth masks.

Predictions are masks or probability maps (8- or 16-bit images, floats 0..1 in .npy) of any size and
from any program. The numbers are those of mmirstd.IRSTDMetric; docs/reference/metrics.md defines
them.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from functools import partial
from math import isnan
from pathlib import Path

from mmirstd.cli.arguments.datasets import add_void_value
from mmirstd.cli.arguments.parser import make_parser
from mmirstd.cli.terminal import FAILED, OK, USAGE, reports_errors, show_progress
from mmirstd.datasets.lists import read_list
from mmirstd.datasets.splits import canonical_split_name, load_split
from mmirstd.evaluation.curves import CURVE_BINS
from mmirstd.evaluation.folder import RESIZE, FolderError, score_folder
from mmirstd.evaluation.matching import MATCHINGS, MAX_DISTANCE
from mmirstd.evaluation.output import format_report, save_curves, write_per_image
from mmirstd.evaluation.rates import EMPTY_IOU, SIZE_EDGES
from mmirstd.evaluation.scorer import Scorer, SetScores
from mmirstd.io.outputs.atomic import write_atomically
from mmirstd.io.outputs.guard import Inputs, OutputError, check_output
from mmirstd.io.predictions import PREDICTION_KINDS
from mmirstd.renamed import accept_old_values, add_old_flag
from mmirstd.wording import format_count


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = make_parser(
        'score',
        __doc__,
        'PRED_DIR GT_DIR',
        'PRED_DIR SIRST/masks --gt-suffix _pixels0 --split sirst/idx_427_test',
    )
    add = parser.add_argument
    add('predictions', metavar='PRED_DIR', help='folder of predictions')
    add('gt_masks', metavar='GT_DIR', help='folder of masks')
    split = add('--split', help="names to score: a text file or a name ('nudt/dnanet_50_50_test')")
    suffixes = (
        add('--prediction-suffix', default='', help="what prediction names end in, e.g. '_pred'"),
        add('--gt-suffix', default='', help="what mask names end in, e.g. '_pixels0'"),
    )
    add('--kind', choices=PREDICTION_KINDS, default='auto', help='what the predictions are (auto)')
    add('--threshold', type=float, default=0.5, help='predicted where probability is above (0.5)')
    threshold = add(
        '--gt-threshold',
        type=float,
        default=0,
        metavar='GRAY',
        help='target where the mask is above (0); 254 repeats Pd and Fa of published programs',
    )
    add_void_value(parser)
    add(
        '--matching',
        choices=MATCHINGS,
        default='optimal',
        help='convention of Pd and Fa (optimal); legacy, greedy and optimal are always shown',
    )
    add(
        '--max-distance',
        type=float,
        default=MAX_DISTANCE,
        metavar='PX',
        help=f'centroid distance that a hit must stay below ({MAX_DISTANCE:g})',
    )
    add('--empty-iou', choices=EMPTY_IOU, default='one', help='nIoU of empty images (one)')
    add(
        '--size-edges',
        type=int,
        nargs='+',
        default=list(SIZE_EDGES),
        metavar='PX',
        help=f'areas at which a new bin of target sizes begins ({" ".join(map(str, SIZE_EDGES))})',
    )
    add(
        '--fa-pixels-per-image',
        type=int,
        metavar='PX',
        help='fixed denominator of Fa; 262144 repeats ISNet and IRSAM',
    )
    add('--hiou', action='store_true', help='also hIoU and its errors of location and segmentation')
    add(
        '--resize',
        choices=RESIZE,
        type=accept_old_values('--resize', {'truth': 'gt'}),
        help='if their sizes differ, resize this one to the other',
    )
    add('--allow-missing', action='store_true', help='score only the names that have both files')
    add('--per-image', metavar='CSV', help='write the counts of each image, worst first')
    add('--json', metavar='FILE', help='write all numbers; undefined ones are null')
    add('--curves', metavar='DIR', help='write ROC, precision-recall and Pd-Fa curves')
    add('--curve-bins', type=int, default=CURVE_BINS, help=f'histogram cells ({CURVE_BINS})')
    old = '--list', '--prediction-tail', '--truth-tail', '--truth-threshold'
    for flag, action in zip(old, (split, *suffixes, threshold), strict=True):
        add_old_flag(parser, flag, action)
    return parser


def read_names(name: str | None) -> Sequence[str] | None:
    """The names of a published split or of a text file."""
    if name is None:
        return None
    published = canonical_split_name(name) or not Path(name).is_file()
    return load_split(name).names if published else read_list(name)


@reports_errors(OSError, ValueError, code=USAGE)
def main(argv: Sequence[str] | None = None) -> int:
    """Score, print and write the results; returns the exit code."""
    args = build_parser().parse_args(argv)
    scorer = Scorer(
        (args.matching, 'legacy', 'greedy', 'optimal'),
        max_distance=args.max_distance,
        empty_iou=args.empty_iou,
        size_edges=args.size_edges,
        fa_pixels_per_image=args.fa_pixels_per_image,
        hierarchy=args.hiou,
        curves=args.curves is not None,
        curve_bins=args.curve_bins,
    )
    try:
        scored = score_folder(
            args.predictions,
            args.gt_masks,
            scorer,
            names=read_names(args.split),
            kind=args.kind,
            threshold=args.threshold,
            gt_threshold=args.gt_threshold,
            void_value=args.void_value,
            prediction_suffix=args.prediction_suffix,
            gt_suffix=args.gt_suffix,
            resize=args.resize,
            allow_missing=args.allow_missing,
            progress=partial(show_progress, description='scoring'),
        )
    except FolderError as error:
        for problem in error.problems:
            print(f'problem: {problem}', file=sys.stderr)
        print(
            f'{format_count(len(error.problems), "problem")}; nothing was scored', file=sys.stderr
        )
        return FAILED
    rule = 'value > 0' if scored.kind == 'mask' else f'probability > {args.threshold}'
    title = f'{args.predictions} against {args.gt_masks}'
    rule += f' (read as {scored.kind})'
    print(format_report(scored.result.scores, title=title, threshold=rule))
    if scored.resized:
        kind = 'ground truth' if args.resize == 'gt' else args.resize
        print(f'{format_count(scored.resized, "image")}: the {kind} was resized')
    if scored.left_out:
        left_out = format_count(len(scored.left_out), 'name')
        print(f'{left_out} left out: prediction or mask is missing')
    for note in scored.notes:
        print(f'note: {note}')
    if args.curves is not None:
        pixels = scored.result.pixel_curve
        areas = f'ROC AUC {pixels.roc_auc:.4f}, AP {pixels.average_precision:.4f}'
        print(f'{areas} ({format_count(pixels.bins, "bin")})')
    return write_files(args, scored.result)


@reports_errors(OSError, OutputError)
def write_files(args: argparse.Namespace, result: SetScores) -> int:
    """Write the requested files in addition to the printed report."""
    read = Inputs(
        path for folder in (args.predictions, args.gt_masks) for path in Path(folder).rglob('*')
    )
    if args.split is not None:
        read.add(args.split)
    if args.curves is not None:
        save_curves(args.curves, result.pixel_curve, result.target_curve, read)
    if args.per_image is not None:
        write_per_image(args.per_image, result.images, read)
    if args.json is not None:
        numbers = result.numbers().items()
        defined = {name: None if isnan(value) else value for name, value in numbers}
        place = check_output(args.json, inputs=read)
        write_atomically(place, json.dumps(defined, indent=2) + '\n')
    return OK
