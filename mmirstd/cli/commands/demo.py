"""Serve a web page on this machine: drop an image or video, see its targets, download the results.

Only this machine can reach the page, unless you give --host. It needs no internet connection and
sends nothing anywhere. Stop it with Ctrl-C. Needs gradio (the extra `demo`).
"""

from __future__ import annotations

import argparse
import importlib.util
import tempfile
import time
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape

from mmirstd.cli.arguments.models import add_ema, add_models, load_model, name_models
from mmirstd.cli.arguments.parser import make_parser
from mmirstd.cli.stopping import stop_on_signal
from mmirstd.cli.terminal import EXPECTED_ERRORS, reports_errors

LOOPBACK = ('127.0.0.1', 'localhost', '::1')


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = make_parser('demo', __doc__, '--model simirstd_synthetic weights.pth')
    add_models(parser)
    add = parser.add_argument
    add_ema(parser)
    add('--host', default='127.0.0.1', help='address to listen on (127.0.0.1, this machine only)')
    add('--port', type=int, help='port (a free one from 7860 on)')
    add(
        '--allow-host',
        action='append',
        default=[],
        metavar='NAME',
        help='another host name of the page, such as that of a reverse proxy; may be repeated',
    )
    return parser


@reports_errors(*EXPECTED_ERRORS)
def main(argv: Sequence[str] | None = None) -> int:
    """Serve the page until a signal stops it; returns the exit code."""
    parser = build_parser()
    args = parser.parse_args(argv)
    models = name_models(parser, args)
    console = Console(stderr=True, highlight=False)
    if importlib.util.find_spec('gradio') is None:  # before models are loaded for nothing
        raise ImportError("the demo page needs gradio: pip install 'mmirstd[demo]'")
    from mmirstd.reporting.demo_page import build_demo, serve

    with tempfile.TemporaryDirectory(prefix='mmirstd_demo_') as folder:
        detectors = {
            name: load_model(files, args.device, ema=args.ema) for name, files in models.items()
        }
        page = build_demo(detectors, folder)
        if args.host not in LOOPBACK:
            console.print(
                f'[yellow]--host {escape(args.host)}:[/] everyone who reaches this address can use '
                'the page; there is no password'
            )
        console.print('Starting the page; Ctrl-C stops it.')
        address = serve(page, host=args.host, port=args.port, names=args.allow_host, block=False)
        with stop_on_signal() as stop:
            console.print(f'Open {escape(address)}')
            while not stop.requested:
                time.sleep(0.2)
        page.close()
        console.print(f'stopped by {stop.name}; uploads and results are removed')
    return stop.exit_code
