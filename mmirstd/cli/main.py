"""Find the sub-command and start it."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from types import ModuleType

from mmirstd.cli.stopping import run_tool
from mmirstd.version import __version__

COMMANDS = {
    'detect': 'detect targets in images, folders, large frames and videos',
    'track': 'follow targets through a video or a sequence of frames',
    'report': 'compare models on images with ground truth, as one HTML page',
    'demo': 'try models on your images in a browser',
    'train': 'train a model from a config',
    'test': 'score a model on the test split of a config',
    'score': 'score a folder of predicted masks against the ground truth',
    'check': 'check the files of a dataset, count its images and targets',
    'split': 'divide a dataset into splits for training, validation and test',
    'convert-labels': 'turn boxes and polygons (COCO, VOC, YOLO, LabelMe) into masks',
    'make-scenes': 'make procedural infrared scenes with ground truth',
    'export': 'write ONNX or torch.export files, quantise them',
    'convert': 'convert a published checkpoint of another code base',
    'models': 'list, show and download trained weights',
    'info': 'print versions, devices and settings, for bug reports',
    'completion': 'print the completion script of your shell',
}
"""Name of each sub-command -> what it does."""

DESCRIPTION = 'Detection and segmentation of small targets in infrared images.'


def load_command(name: str) -> ModuleType:
    """Import the module of a sub-command, which takes time only when it is used."""
    return importlib.import_module(f'mmirstd.cli.commands.{name.replace("-", "_")}')


def build_parser() -> argparse.ArgumentParser:
    """The parser of `mmirstd` itself; sub-commands read their own arguments."""
    width = max(map(len, COMMANDS))
    names = '\n'.join(f'  {name:<{width}}  {text}' for name, text in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog='mmirstd',
        usage='mmirstd COMMAND [arguments]',
        description=f'{DESCRIPTION}\n\ncommands:\n{names}',
        epilog='`mmirstd COMMAND --help` shows the arguments of a command with examples.\n\n'
        'example:\n  mmirstd train simirstd_nudt --work-dir work_dirs/nudt',
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--version', action='version', version=f'mmirstd {__version__}')
    parser.add_argument('command', choices=COMMANDS, metavar='COMMAND', help='one of the above')
    return parser


def build_full_parser() -> argparse.ArgumentParser:
    """One parser with all sub-commands, for completion and documentation."""
    parser = argparse.ArgumentParser(prog='mmirstd', description=DESCRIPTION)
    parser.add_argument('--version', action='version', version=f'mmirstd {__version__}')
    group = parser.add_subparsers(dest='command', metavar='COMMAND')
    for name, summary in COMMANDS.items():
        one = load_command(name).build_parser()
        group.add_parser(
            name,
            parents=[one],
            add_help=False,
            help=summary,
            description=one.description,
            epilog=one.epilog,
            formatter_class=one.formatter_class,
        )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run `mmirstd COMMAND ...`; returns the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    args = build_parser().parse_args(words[:1] or ['--help'])
    command = load_command(args.command)
    if args.command in ('train', 'test'):  # their data loaders have their own signal handlers
        return command.main(words[1:])
    return run_tool(lambda: command.main(words[1:]))


if __name__ == '__main__':
    raise SystemExit(main())
