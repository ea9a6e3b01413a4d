"""Several networks on a command line, as `tools/report.py` and `tools/demo.py` take them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmirstd.inference.detector import Detector


def add_network_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--model CONFIG CHECKPOINT``, ``--onnx FILE``, ``--names`` and ``--device``."""
    add = parser.add_argument
    add(
        '--model',
        nargs=2,
        action='append',
        default=[],
        metavar=('CONFIG', 'CHECKPOINT'),
        help='a network; may be repeated',
    )
    exported = 'an exported network; may be repeated'
    add('--onnx', action='append', default=[], metavar='FILE', help=exported)
    add('--names', nargs='+', help='what the page calls the networks, --model first')
    add('--device', default='cpu', help="'cpu' (default) or 'cuda:0'")


def named_networks(
    parser: argparse.ArgumentParser, args: argparse.Namespace
) -> dict[str, list[str]]:
    """Files of the networks by their names; without ``--names`` those of the weights' files.

    No network, another number of names than of networks, or a name given twice end the program as
    wrong usage.
    """
    networks = [*args.model, *([path] for path in args.onnx)]
    if not networks:
        parser.error('give at least one --model or --onnx')
    if args.names is None:
        names = [Path(files[-1]).stem for files in networks]
        if len(set(names)) < len(names):
            names = [f'{k}: {name}' for k, name in enumerate(names, start=1)]
    elif len(args.names) != len(networks):
        parser.error(f'--names gives {len(args.names)} names to {len(networks)} networks')
    elif len(set(args.names)) < len(args.names):
        parser.error(f'--names gives a name twice: {" ".join(args.names)}')
    else:
        names = args.names
    return dict(zip(names, networks, strict=True))


def load_network(
    files: Sequence[str], device: str, *, weights: str = 'averaged', **options: Any
) -> Detector:
    """Load a network from ``[config, checkpoint]`` or from ``[ONNX file]``.

    Args:
        files: As :func:`named_networks` returns them.
        device: Of a network with a config; ONNX files run on the CPU.
        weights: 'averaged' (EMA or SWA where the checkpoint has them) or 'raw'.
        options: Arguments of the detector, such as ``options`` or ``threshold``.
    """
    if len(files) == 1:
        # Needs no PyTorch.
        from mmirstd.inference.onnx_detector import OnnxDetector

        return OnnxDetector(files[0], **options)
    from mmirstd.apis import IRSTDInferencer

    config, checkpoint = files
    return IRSTDInferencer(config, checkpoint, device, weights=weights, **options)
