"""Compare one or several models on images with ground truth, as one HTML page.

The page shows tables, curves, the worst images of each model, configs, versions and checksums. It
is a single file that needs no internet connection. Images are evaluated at their own size.
"""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from itertools import chain
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from mmirstd.cli.arguments.datasets import add_void_value
from mmirstd.cli.arguments.detection import add_detection, check_detection, detector_options
from mmirstd.cli.arguments.models import add_models, load_model, name_models
from mmirstd.cli.arguments.parser import make_parser
from mmirstd.cli.terminal import EXPECTED_ERRORS, OK, make_progress, reports_errors
from mmirstd.io.hashing import sha256
from mmirstd.io.outputs.atomic import write_atomically
from mmirstd.io.outputs.guard import Inputs, check_output
from mmirstd.renamed import add_old_flag
from mmirstd.reporting.report import ImageAndMask, evaluate, pair_with_masks
from mmirstd.reporting.report_page import EvaluatedModel, build_page
from mmirstd.stack import installed_versions
from mmirstd.version import __version__
from mmirstd.wording import format_count

PACKAGES = ('torch', 'numpy', 'opencv-python-headless', 'onnxruntime', 'timm')


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = make_parser(
        'report',
        __doc__,
        '--images images --masks masks --model simirstd_nudt weights.pth --out report.html',
    )
    add = parser.add_argument
    add('--images', required=True, metavar='DIR', help='folder with images')
    add('--masks', required=True, metavar='DIR', help='folder with masks of the same names')
    suffix = add(
        '--mask-suffix',
        default='',
        help="what mask names end in, e.g. '_pixels0'",
    )
    add_old_flag(parser, '--mask-tail', suffix)
    add_void_value(parser)
    add('--out', required=True, metavar='FILE', help='page to write, .html')
    add_models(parser)
    add('--title', default='Infrared small target detection', help='heading of the page')
    add_detection(parser)
    add('--worst', type=int, default=12, help='pictures of each model (12)')
    return parser


@reports_errors(*EXPECTED_ERRORS)
def main(argv: Sequence[str] | None = None) -> int:
    """Write the page; returns the exit code."""
    parser = build_parser()
    args = parser.parse_args(argv)
    models = name_models(parser, args)
    check_detection(parser, args)
    if Path(args.out).suffix != '.html':
        parser.error('--out must end in .html')
    console = Console(stderr=True, highlight=False)
    images = pair_with_masks(args.images, args.masks, args.mask_suffix)
    files = [file for image in images for file in (image.source.path, image.mask)]
    place = check_output(args.out, inputs=Inputs(chain(files, *models.values())))
    entries = _evaluate_all(models, args, images, console)
    facts = {
        'written': datetime.now(timezone.utc).isoformat(timespec='seconds'),
        'images': str(len(images)),
        'sha256 of images and masks': sha256(*files),
        'versions': _versions(),
        'machine': f'{platform.machine()}, {platform.system()}, {os.cpu_count()} CPUs',
    }
    write_atomically(place, build_page(args.title, entries, facts, worst=args.worst))
    compared = f'{format_count(len(models), "model")} on {format_count(len(images), "image")}'
    console.print(f'{escape(args.out)}: {compared}', soft_wrap=True)
    return OK


def _evaluate_all(
    models: Mapping[str, Sequence[str]],
    args: argparse.Namespace,
    images: Sequence[ImageAndMask],
    console: Console,
) -> list[EvaluatedModel]:
    entries = []
    with make_progress(console) as bar:
        for name, files in models.items():
            detector = load_model(files, args.device, options=detector_options(args))
            config = getattr(detector, 'config', None)  # an ONNX file has none
            text = '' if config is None else config.pretty_text
            task = bar.add_task(escape(name), total=len(images))
            evaluation = evaluate(
                detector,
                images,
                batch_size=args.batch_size,
                keep_worst=args.worst,
                void_value=args.void_value,
                progress=lambda task=task: bar.update(task, advance=1),
            )
            facts = {f'file {k}': str(file) for k, file in enumerate(files, start=1)}
            for k, file in enumerate(files, start=1):
                if Path(file).is_file():
                    facts[f'sha256 of file {k}'] = sha256(file)
            tiling = detector.tiling
            facts['threshold'] = f'{detector.threshold:g}'
            facts['tiles'] = 'none' if tiling is None else f'{tiling.size} px, {tiling.overlap} px'
            entries.append(EvaluatedModel(name, evaluation, facts, text))
    return entries


def _versions() -> str:
    versions = {'mmirstd': __version__, 'Python': platform.python_version()}
    versions |= installed_versions(PACKAGES)
    return ', '.join(f'{name} {version}' for name, version in versions.items())
