"""Export a trained model for use without PyTorch, and verify that it computes the same.

The ONNX file contains normalisation, model and head. Its metadata say how to prepare images;
`mmirstd.apis.OnnxDetector` and `detect --onnx` follow them. A file appears only after onnxruntime
has reproduced PyTorch to 1e-4. See docs/how_to/export.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mmirstd.cli.arguments.models import add_ema, add_model_words, parse_model_words
from mmirstd.cli.arguments.parser import make_parser
from mmirstd.cli.terminal import OK, load_libraries, reports_errors
from mmirstd.export.errors import ExportError
from mmirstd.inference.sources import find_sources
from mmirstd.io.hashing import sha256
from mmirstd.io.outputs.guard import Inputs, check_output
from mmirstd.wording import format_count


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = make_parser(
        'export',
        __doc__,
        'tiny --out tiny.onnx',
        'simirstd_nudt weights.pth --out model.onnx',
        'simirstd_nudt weights.pth --out model.onnx --int8 static --images images',
    )
    add_model_words(parser)
    add = parser.add_argument
    add('--out', required=True, metavar='FILE', help='.onnx, or .pt2 for a torch.export program')
    add(
        '--size',
        type=int,
        nargs='+',
        metavar='PX',
        help="height and width to export with, or one number for both (the pipeline's, or 256)",
    )
    add(
        '--dynamic',
        choices=('auto', 'size', 'multiple', 'batch', 'none'),
        default='auto',
        help='what stays variable: size and batch, the same in multiples of 32, only the batch, '
        'nothing; auto (default) takes only the batch if the pipeline resizes images to a square, '
        'else the most that the model allows',
    )
    add_ema(parser)

    add = parser.add_argument_group('8-bit integers (ONNX)').add_argument
    add('--int8', choices=('static', 'dynamic'), help='also write FILE with _int8 in its name')
    add('--images', metavar='DIR', help='images to calibrate with (static) and to compare on')
    add('--masks', metavar='DIR', help='their ground truth NAME.png, to measure IoU, Pd and Fa')
    add('--max-calibration', type=int, default=64, help='most images to calibrate with (64)')
    return parser


@reports_errors(ValueError, OSError, ImportError, ExportError)
def main(argv: Sequence[str] | None = None) -> int:
    """Export, quantise and compare; returns the exit code."""
    parser = build_parser()
    args = parse_model_words(parser, argv)
    if args.int8 is not None and (args.images is None or Path(args.out).suffix != '.onnx'):
        parser.error('--int8 needs --images, and --out FILE.onnx')
    if args.masks is not None and args.int8 is None:
        parser.error('--masks needs --int8')
    if args.size is not None and len(args.size) > 2:
        parser.error('--size takes one or two numbers')
    if Path(args.out).suffix not in ('.onnx', '.pt2'):
        parser.error('--out must end in .onnx or .pt2')
    console = Console(stderr=True, highlight=False)
    read = Inputs([args.config, args.checkpoint])
    if args.int8 is not None:
        check_output(_int8_path(args.out), inputs=read)
    check_output(args.out, inputs=read)
    _export(args, console)
    if args.int8 is not None:
        _quantize(args, console)
    return OK


def _export(args: argparse.Namespace, console: Console) -> None:
    load_libraries()
    from mmirstd.export.model import ExportModel, describe_model
    from mmirstd.export.onnx_file import DYNAMIC, MULTIPLE, export_onnx
    from mmirstd.export.program import export_program
    from mmirstd.inference.torch_detector import IRSTDInferencer

    inferencer = IRSTDInferencer(args.config, args.checkpoint, ema=args.ema, fuse=False)
    description = describe_model(inferencer, checkpoint_sha256=sha256(args.checkpoint))
    size = args.size or [description.square or 256]
    size = (size[0], size[-1])
    model = ExportModel(inferencer.model, description.channels)
    # After a pipeline that resizes to a square the model sees no other size.
    fixed = description.square is not None
    kinds = [k for k in DYNAMIC if k != 'multiple' or not any(side % MULTIPLE for side in size)]
    if fixed:
        kinds = ['batch', 'none']
    if args.dynamic != 'auto':
        kinds = [args.dynamic]
    if Path(args.out).suffix == '.pt2':
        dynamic, worst = export_program(model, args.out, description, size=size, dynamic=kinds)
        console.print(
            f'{escape(args.out)}: --dynamic {dynamic}, deviation {worst:.1e}', soft_wrap=True
        )
        return
    result = export_onnx(
        model,
        args.out,
        description,
        size=size,
        dynamic=kinds,
        inferencer=inferencer,
    )
    table = Table('input', 'logits, relative', 'probability')
    for check in result.checks:
        shape = ' x '.join(map(str, check.shape))
        logits = '(pipeline)' if check.logits is None else f'{check.logits:.1e}'
        table.add_row(shape, logits, f'{check.probability:.1e}')
    console.print(table)
    console.print(
        f'{escape(str(result.path))}: --dynamic {result.dynamic}; the table shows the largest '
        'deviations of onnxruntime from PyTorch',
        soft_wrap=True,
    )


def _int8_path(path: str | Path) -> Path:
    return Path(path).with_name(f'{Path(path).stem}_int8.onnx')


def _quantize(args: argparse.Namespace, console: Console) -> None:
    from mmirstd.export.quantize import compare, quantize
    from mmirstd.inference.onnx_detector import OnnxDetector

    path = Path(args.out)
    output = _int8_path(path)
    sources = find_sources(args.images)
    quantize(path, output, args.int8, sources=sources[: args.max_calibration])
    found = compare(OnnxDetector(path), OnnxDetector(output), sources, args.masks)
    table = Table('', path.name, output.name)
    sizes = [file.stat().st_size / 2**20 for file in (path, output)]
    table.add_row('size, MiB', *(f'{size:.2f}' for size in sizes))
    table.add_row('median ms per image', *(f'{1e3 * second:.1f}' for second in found.seconds))
    if found.scores is not None:
        for name, factor in (('iou', 100), ('niou', 100), ('pd', 100), ('fa', 1e6)):
            label = f'{name}, 1e-6' if name == 'fa' else f'{name}, %'
            values = [factor * getattr(scores, name) for scores in found.scores]
            table.add_row(label, *(f'{value:.2f}' for value in values))
    console.print(table)
    console.print(
        f'{format_count(found.images, "image")}: largest difference of probability '
        f'{found.deviation:.3f}, IoU of the two sets of masks {found.mask_iou:.4f}'
    )
