"""Make a procedural infrared dataset: images with tiny targets and exact masks.

The same seed and options give the same images. A run that was cut short is completed by giving
the same command again. What is drawn is described in docs/explanation/synthetic.md.
"""

from __future__ import annotations

import argparse
from dataclasses import fields

from rich.console import Console
from rich.markup import escape

from mmirstd.cli.arguments.parser import make_parser
from mmirstd.cli.terminal import FAILED, OK, make_progress, print_error
from mmirstd.datasets.synthetic import BACKGROUNDS, WRITTEN_LAYOUTS, SceneConfig, write_dataset
from mmirstd.wording import format_count


def build_parser() -> argparse.ArgumentParser:
    """The command line; defaults come from :class:`SceneConfig`."""
    default = {item.name: getattr(SceneConfig(), item.name) for item in fields(SceneConfig)}
    parser = make_parser(
        'make-scenes',
        __doc__,
        'data/scenes',
        'data/scenes --train 0 --val 0 --test 20 --size 128',
        defaults=True,
    )
    add = parser.add_argument
    add('out', help='folder to write')
    add('--train', type=int, default=200, help='training images')
    add('--val', type=int, default=50, help='validation images')
    add('--test', type=int, default=100, help='test images')
    add(
        '--layout',
        choices=sorted(WRITTEN_LAYOUTS),
        default='folders',
        help='how the files are arranged',
    )
    add('--seed', type=int, default=0, help='integer >= 0')
    add(
        '--size',
        type=int,
        nargs='+',
        metavar='PX',
        default=list(default['size']),
        help='height and width, or one number for both',
    )
    add(
        '--bits',
        type=int,
        choices=(8, 16),
        default=default['bits'],
        help='16 writes the 14-bit words (0..16383) of a thermal camera',
    )

    def add_range(name: str, kind: type, text: str) -> None:
        low_high = {'nargs': 2, 'metavar': ('MIN', 'MAX'), 'type': kind}
        add(f'--{name.replace("_", "-")}', default=list(default[name]), help=text, **low_high)

    add_range('scr', float, 'signal-to-clutter ratio of the targets')
    add_range('targets', int, 'targets in an image that has any')
    add(
        '--empty',
        type=float,
        default=default['empty'],
        help='share of images without target',
    )
    add_range('area', int, 'target footprint in pixels')
    add_range('psf_sigma', float, 'optical blur in pixels (standard deviation)')
    add(
        '--mask-fraction',
        type=float,
        default=default['mask_fraction'],
        help='part of the peak above which a pixel belongs to the mask',
    )
    add_range('noise', float, 'random noise, fraction of the full scale')
    add_range('pattern', float, 'fixed-pattern noise, fraction of the full scale')
    add(
        '--defects',
        type=float,
        default=default['defects'],
        help='expected dead and hot pixels per image',
    )
    add(
        '--clutter',
        type=float,
        default=default['clutter'],
        help='expected unlabelled bright cloudlets and trails per image',
    )
    add(
        '--backgrounds',
        nargs='+',
        choices=sorted(BACKGROUNDS),
        metavar='NAME',
        default=list(default['backgrounds']),
        help=f'out of {", ".join(sorted(BACKGROUNDS))}',
    )
    add(
        '--overwrite',
        action='store_true',
        help='replace the scenes of another seed or configuration in the folder',
    )
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run the tool; 0 when the dataset is complete, 1 when it could not be written."""
    args = build_parser().parse_args(argv)
    options = {item.name: getattr(args, item.name) for item in fields(SceneConfig)}
    options = {k: tuple(v) if isinstance(v, list) else v for k, v in options.items()}
    if len(args.size) == 1:
        options['size'] = (args.size[0], args.size[0])
    splits = {name: getattr(args, name) for name in ('train', 'val', 'test')}
    splits = {name: count for name, count in splits.items() if count}
    console = Console(stderr=True)
    try:
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
    except (ValueError, OSError) as error:
        print_error(error, console)
        return FAILED
    counts = ', '.join(format_count(count, f'{name} image') for name, count in splits.items())
    console.print(f'{counts} in {escape(str(manifest.parent))}', highlight=False)
    return OK
