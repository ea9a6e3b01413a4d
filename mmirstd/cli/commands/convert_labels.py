"""Convert boxes and polygons (COCO, PASCAL VOC, YOLO, LabelMe) into masks.

Writes one PNG (0 and 255) per image. A pixel belongs to a target if its centre is inside a polygon
or box; boxes are filled. Nothing is written if a label cannot be read or is outside of its image.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from mmirstd.cli.arguments.parser import make_parser
from mmirstd.cli.terminal import OK, reports_errors
from mmirstd.datasets.labels.conversion import MISSING, convert_labels
from mmirstd.datasets.labels.formats import LABEL_KINDS
from mmirstd.wording import format_count


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = make_parser(
        'convert-labels', __doc__, 'data/own/images data/own/annotations.json data/own/masks'
    )
    add = parser.add_argument
    add('images', metavar='IMAGES', help='folder of images')
    add('labels', metavar='LABELS', help='COCO file, or folder of VOC, YOLO or LabelMe files')
    add('masks', metavar='MASKS', help='new or empty folder to write to')
    add('--kind', choices=('auto', *LABEL_KINDS), default='auto', help='what the labels are (auto)')
    add('--classes', nargs='+', metavar='NAME', help='classes that are targets (all)')
    add(
        '--missing',
        choices=MISSING,
        default='error',
        help="images without labels: 'error' (default), 'empty' for a mask without target, 'skip'",
    )
    return parser


@reports_errors(OSError, ValueError, ImportError)
def main(argv: Sequence[str] | None = None) -> int:
    """Write the masks; returns the exit code."""
    args = vars(build_parser().parse_args(argv))
    result = convert_labels(args.pop('images'), args.pop('labels'), args.pop('masks'), **args)
    print(
        f'{format_count(result.masks, "mask")} with {format_count(result.targets, "target")} from '
        f'labels of kind {result.kind}; '
        f'{format_count(result.empty, "mask has no target", "masks have no target")}'
    )
    for note in result.notes:
        print(f'note: {note}')
    return OK
