"""Arguments that name models and choose their weights, the same in all commands."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmirstd.cli.terminal import EXPECTED_ERRORS, load_libraries
from mmirstd.inference.detector import Detector
from mmirstd.renamed import add_old_flag
from mmirstd.weights import find_files, get_model_info
from mmirstd.wording import format_count


def add_models(parser: argparse.ArgumentParser) -> None:
    """Add ``--model``, ``--onnx``, ``--names`` and ``--device`` for one or several models."""
    add = parser.add_argument
    add(
        '--model',
        action='append',
        default=[],
        nargs='+',
        metavar='MODEL',
        help='a name of `mmirstd models list`, or CONFIG WEIGHTS; may be repeated',
    )
    add(
        '--onnx',
        action='append',
        default=[],
        metavar='FILE',
        help='an exported model; may be repeated',
    )
    add('--names', nargs='+', help='names of the models on the page, those of --model first')
    add('--device', default='cpu', help="'cpu' (default) or 'cuda:0'")


def add_ema(parser: Any) -> None:
    """Add ``--ema`` and ``--no-ema`` to a parser or to a group of its arguments."""
    ema = parser.add_argument(
        '--ema',
        action=argparse.BooleanOptionalAction,
        default=True,
        help='use the averaged weights (EMA or SWA) if the checkpoint has them (default), or '
        'those of the last training step',
    )
    add_old_flag(parser, '--weights', ema, {'averaged': True, 'raw': False})


def add_model_words(parser: argparse.ArgumentParser) -> None:
    """Add the arguments ``CONFIG CHECKPOINT``, or the name of trained weights instead."""
    add = parser.add_argument
    add('config', metavar='MODEL', help='a name of `mmirstd models list`, or a config (file, name)')
    add('checkpoint', nargs='?', help='trained weights of the config: a file or a name')


def parse_model_words(
    parser: argparse.ArgumentParser, argv: Sequence[str] | None
) -> argparse.Namespace:
    """Parse a command line with :func:`add_model_words`; names become config and file."""
    args = parser.parse_intermixed_args(argv)  # options may come between them
    words = [word for word in (args.config, args.checkpoint) if word is not None]
    args.config, args.checkpoint = resolve_model(parser, words, 'MODEL')
    return args


def resolve_model(
    parser: argparse.ArgumentParser, words: Sequence[str], option: str = '--model'
) -> list[str]:
    """Config and weights file of the words after ``--model``; downloads published weights.

    Raises:
        SystemExit: The words are neither a known name nor a config and weights.
    """
    if len(words) > 2:
        parser.error(
            f'{option} takes NAME or CONFIG WEIGHTS, not {format_count(len(words), "word")}'
        )
    try:
        config, weights = find_files(*words)
        if weights is None:
            get_model_info(words[0])  # raises an error with all names
        return [str(config), str(weights)]
    except EXPECTED_ERRORS as error:
        text = f'{error.args[0]}, or give CONFIG WEIGHTS' if isinstance(error, KeyError) else error
        parser.error(f'{option} {words[0]}: {text}')


def name_models(parser: argparse.ArgumentParser, args: argparse.Namespace) -> dict[str, list[str]]:
    """Name -> files of each model; without ``--names``, models are called like their weights.

    Raises:
        SystemExit: No model was given, or ``--names`` are too few, too many or repeated.
    """
    exported = [[path] for path in args.onnx]
    models = [resolve_model(parser, words) for words in args.model] + exported
    if not models:
        parser.error('give at least one --model or --onnx')
    if args.names is None:
        names = [Path(words[-1]).stem for words in [*args.model, *exported]]
        if len(set(names)) < len(names):
            names = [f'{k}: {name}' for k, name in enumerate(names, start=1)]
    elif len(args.names) != len(models):
        parser.error(
            f'--names gives {format_count(len(args.names), "name")} to '
            f'{format_count(len(models), "model")}'
        )
    elif len(set(args.names)) < len(args.names):
        parser.error(f'--names gives a name twice: {" ".join(args.names)}')
    else:
        names = args.names
    return dict(zip(names, models, strict=True))


def load_model(files: Sequence[str], device: str, *, ema: bool = True, **options: Any) -> Detector:
    """Load a model from ``[config, checkpoint]`` or from ``[ONNX file]``.

    Args:
        files: As :func:`name_models` returns them.
        device: Device of a model with a config; ONNX files run on the CPU.
        ema: Whether to use averaged weights (EMA or SWA) if the checkpoint has them.
        options: Arguments of the detector, such as ``options`` or ``threshold``.
    """
    if len(files) == 1:
        from mmirstd.inference.onnx_detector import OnnxDetector  # needs no PyTorch

        return OnnxDetector(files[0], **options)
    load_libraries()
    from mmirstd.apis import IRSTDInferencer

    config, checkpoint = files
    return IRSTDInferencer(config, checkpoint, device, ema=ema, **options)
