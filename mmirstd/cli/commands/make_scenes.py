"""Make a procedural infrared dataset: images with tiny targets and exact masks.

The same seed and options give the same images. To complete a run that was interrupted, give the
same command again. docs/explanation/synthetic.md describes what is drawn.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from rich.console import Console
from rich.markup import escape

from mmirstd.cli.arguments.parser import make_parser
from mmirstd.cli.terminal import OK, make_progress, reports_errors
from mmirstd.datasets.synthetic import BACKGROUNDS, WRITTEN_LAYOUTS, SceneConfig, write_dataset
from mmirstd.wording import format_count


def build_parser() -> argparse.ArgumentParser:
    """The command line; defaults come from :class:`SceneConfig`."""
    parser = make_parser(
        'make-scenes',
        __doc__,
        'data/scenes',
        'data/scenes --train 0 --val 0 --test 20 --size 128',
        defaults=True,
    )
    add = parser.add_argument
    scene = SceneConfig()

    def add_value(name: str, text: str, **options: Any) -> None:
        default = getattr(scene, name)
        default = list(default) if isinstance(default, tuple) else default
        add(f'--{name.replace("_", "-")}', default=default, help=text, **options)

    def add_range(name: str, kind: type, text: str) -> None:
        add_value(name, text, nargs=2, metavar=('MIN', 'MAX'), type=kind)

    add('out', help='folder to write')
    add('--train', type=int, default=200, help='training images')
    add('--val', type=int, default=50, help='validation images')
    add('--test', type=int, default=100, help='test images')
    layouts = sorted(WRITTEN_LAYOUTS)
    add('--layout', choices=layouts, default='folders', help='how the files are arranged')
    add('--seed', type=int, default=0, help='integer >= 0')
    size = 'height and width, or one number for both'
    add_value('size', size, type=int, nargs='+', metavar='PX')
    bits = '16 writes the 14-bit words (0..16383) of a thermal camera'
    add_value('bits', bits, type=int, choices=(8, 16))
    add_range('scr', float, 'signal-to-clutter ratio of the targets')
    add_range('targets', int, 'targets in an image that has any')
    add_value('empty', 'share of images without target', type=float)
    add_range('area', int, 'target footprint in pixels')
    add_range('psf_sigma', float, 'optical blur in pixels (standard deviation)')
    fraction = 'part of the peak above which a pixel belongs to the mask'
    add_value('mask_fraction', fraction, type=float)
    add_range('noise', float, 'random noise, fraction of the full scale')
    add_range('pattern', float, 'fixed-pattern noise, fraction of the full scale')
    add_value('defects', 'expected dead and hot pixels per image', type=float)
    add_value('clutter', 'expected unlabelled bright cloudlets and trails per image', type=float)
    backgrounds = sorted(BACKGROUNDS)
    text = f'out of {", ".join(backgrounds)}'
    add_value('backgrounds', text, nargs='+', choices=backgrounds, metavar='NAME')
    add(
        '--overwrite',
        action='store_true',
        help='replace the scenes of another seed or configuration in the folder',
    )
    return parser


@reports_errors(ValueError, OSError)
def main(argv: Sequence[str] | None = None) -> int:
    """Write the dataset; returns the exit code."""
    args = build_parser().parse_args(argv)
    options = {item.name: getattr(args, item.name) for item in fields(SceneConfig)}
    options = {k: tuple(v) if isinstance(v, list) else v for k, v in options.items()}
    if len(args.size) == 1:
        options['size'] = (args.size[0], args.size[0])
    splits = {name: getattr(args, name) for name in ('train', 'val', 'test')}
    splits = {name: count for name, count in splits.items() if count}
    console = Console(stderr=True)
    with make_progress(console) as bar:
        task = bar.add_task('scenes', total=sum(splits.values()))
        manifest = write_dataset(
            args.out,
            splits,
            config=SceneConfig(**options),
            seed=args.seed,
            layout=args.layout,
            overwrite=args.overwrite,
            progress=lambda done, total: bar.update(task, completed=done),
        )
    counts = ', '.join(format_count(count, f'{name} image') for name, count in splits.items())
    console.print(f'{counts} in {escape(str(manifest.parent))}', highlight=False, soft_wrap=True)
    return OK
