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

from rich.console import Console
from rich.markup import escape

from mmirstd.cli.network_arguments import add_network_arguments, load_network, named_networks
from mmirstd.stack import StackError

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
    add_network_arguments(parser)
    add = parser.add_argument
    add('--weights', choices=('averaged', 'raw'), default='averaged', help='as in tools/detect.py')
    add('--host', default='127.0.0.1', help='address to listen on (127.0.0.1, this machine alone)')
    add('--port', type=int, help='port (a free one from 7860 on)')
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; see `EXIT_CODES`."""
    parser = build_parser()
    args = parser.parse_args(argv)
    networks = named_networks(parser, args)
    console = Console(stderr=True, highlight=False)
    if importlib.util.find_spec('gradio') is None:  # before networks are loaded for nothing
        console.print(
            "[bold red]error:[/] the demo page needs gradio: pip install 'mmirstd\\[demo]'"
        )
        return 1
    from mmirstd.reporting.demo_page import build_demo, serve

    with tempfile.TemporaryDirectory(prefix='mmirstd_demo_') as folder:
        try:
            detectors = {
                name: load_network(files, args.device, weights=args.weights)
                for name, files in networks.items()
            }
            page = build_demo(detectors, folder)
            if args.host not in LOOPBACK:
                console.print(
                    f'[yellow]--host {escape(args.host)}:[/] whoever reaches this address can use '
                    'the page; there is no password'
                )
            console.print('Starting the page; Ctrl-C stops it.')
            address = serve(page, host=args.host, port=args.port, block=False)
            console.print(f'Open {escape(address)}')
            page.block_thread()
        except (ValueError, OSError, ImportError, StackError) as error:
            console.print(f'[bold red]error:[/] {escape(str(error))}')
            return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
