"""Follow small targets through a video or a sequence of frames.

The same as `mmirstd detect --track`: tracks.csv has one line per target and frame, and --video
draws the tracks.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from mmirstd.cli.arguments.detect_and_track import build_detect_parser
from mmirstd.cli.commands import detect


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    examples = (
        'clip.mp4 --out found --video tracks.mp4',
        'frames --onnx model.onnx --out found --max-distance 20',
    )
    parser = build_detect_parser('track', __doc__, examples)
    parser.set_defaults(track=True)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Track; returns the exit code."""
    parser = build_parser()
    return detect.run(parser, parser.parse_args(argv))
