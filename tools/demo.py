"""Serve a web page on this machine: drop an image, see its targets, download the results.

    python tools/demo.py --model simirstd_synthetic weights.pth

The page is reachable from this machine alone unless --host says otherwise; it needs no internet
connection and sends nothing anywhere. Stop it with Ctrl-C. Needs gradio (the extra `demo`).
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from mmirstd.apis.detector import Detector

EXIT_CODES = """
exit codes:
  0  the page was served until it was stopped
  1  it could not be served; the message says why
  2  wrong usage
"""
LOOPBACK = ('127.0.0.1', 'localhost', '::1')


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXIT_CODES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add(
        '--model',
        nargs=2,
        action='append',
        default=[],
        metavar=('CONFIG', 'CHECKPOINT'),
        help='a network to choose on the page; may be repeated',
    )
    add('--onnx', action='append', default=[], metavar='FILE', help='an exported network; likewise')
    add('--names', nargs='+', help='what the page calls the networks, --model first')
    add('--device', default='cpu', help="'cpu' (default) or 'cuda:0'")
    add('--weights', choices=('averaged', 'raw'), default='averaged', help='as in tools/detect.py')
    add('--host', default='127.0.0.1', help='address to listen on (127.0.0.1, this machine alone)')
    add('--port', type=int, help='port (a free one from 7860 on)')
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; see `EXIT_CODES`."""
    parser = build_parser()
    args = parser.parse_args(argv)
    count = len(args.model) + len(args.onnx)
    if count == 0:
        parser.error('give at least one --model or --onnx')
    if args.names is not None and len(args.names) != count:
        parser.error(f'--names gives {len(args.names)} names to {count} networks')
    console = Console(stderr=True, highlight=False)
    if importlib.util.find_spec('gradio') is None:  # before networks are loaded for nothing
        console.print(
            "[bold red]error:[/] the demo page needs gradio: pip install 'mmirstd\\[demo]'"
        )
        return 1
    from mmirstd.apis.demo_page import build_demo, serve

    with tempfile.TemporaryDirectory(prefix='mmirstd_demo_') as folder:
        try:
            page = build_demo(load_detectors(args), folder)
            if args.host not in LOOPBACK:
                console.print(
                    f'[yellow]--host {escape(args.host)}:[/] whoever reaches this address can use '
                    'the page; there is no password'
                )
            console.print('Starting the page; Ctrl-C stops it.')
            address = serve(page, host=args.host, port=args.port, block=False)
            console.print(f'Open {escape(address)}')
            page.block_thread()
        except (ValueError, OSError, ImportError) as error:
            console.print(f'[bold red]error:[/] {escape(str(error))}')
            return 1
    return 0


def load_detectors(args: argparse.Namespace) -> dict[str, Detector]:
    """The networks that the arguments name, by the name that the page shows.

    Raises:
        ValueError: Two have the same name, or a file is unusable.
        FileNotFoundError: A file does not exist.
    """
    files = [*args.model, *([path] for path in args.onnx)]
    names = args.names or [Path(each[-1]).stem for each in files]
    if len(set(names)) < len(names):
        raise ValueError(f'two networks have the same name in {names}: give others with --names')
    detectors: dict[str, Detector] = {}
    for name, each in zip(names, files, strict=True):
        if len(each) == 1:
            from mmirstd.export.runtime import OnnxDetector

            detectors[name] = OnnxDetector(each[0])
        else:
            from mmirstd.apis.inferencer import IRSTDInferencer

            detectors[name] = IRSTDInferencer(*each, args.device, weights=args.weights)
    return detectors


if __name__ == '__main__':
    sys.exit(main())
