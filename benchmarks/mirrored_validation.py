"""Validation scores of trained weights, averaged over the images and their three mirror images.

A validation split of the infrared datasets has a few dozen targets, so the score of one image can
decide which weights look better. Mirrored images ask the same question again.

    python -m benchmarks.mirrored_validation light_unet_sirst3 tiny work_dirs/run7/epoch_44.pth \
        --json scores.json
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory

from mmengine.config import Config

from benchmarks.zoo_entry import REPORTED, Scorer, per_dataset
from mmirstd.inference.configs import load_config
from mmirstd.io.outputs.atomic import write_atomically
from mmirstd.weights.registry import find_weights

VIEWS = ('as it is', 'horizontal', 'vertical', 'diagonal')
SCORES = REPORTED[:4]


def mirrored(config: Config, direction: str) -> Config:
    """``config`` with all validation images and masks mirrored.

    Args:
        config: A config whose validation pipelines end with ``PackSegInputs``.
        direction: ``'horizontal'``, ``'vertical'`` or ``'diagonal'`` (both).

    Raises:
        ValueError: A pipeline does not end with ``PackSegInputs``.
    """
    config = deepcopy(config)
    dataset = config.val_dataloader.dataset
    for part in dataset.get('datasets', [dataset]):
        *steps, pack = part.pipeline
        if pack['type'] != 'PackSegInputs':
            raise ValueError(f'the last step must be PackSegInputs, not {pack["type"]}')
        # MMSegmentation mirrors predictions back if it knows of the flip, and the mask stays.
        keys = [key for key in pack.get('meta_keys', ('img_path', 'ori_shape', 'img_shape'))
                if not key.startswith('flip')]  # fmt: skip
        flip = {'type': 'RandomFlip', 'prob': 1.0, 'direction': direction}
        part.pipeline = [*steps, flip, {**pack, 'meta_keys': keys}]
    return config


def score(config: Config, files: Mapping[str, Path]) -> dict[str, dict]:
    """Scores of each file of weights by view and dataset, and their means over the views.

    Args:
        config: Config with the validation splits, as for the training.
        files: Weights by name; averaged weights are taken from a checkpoint that has them.

    Returns:
        By name: ``'views'`` (view -> dataset -> score) and ``'mean'`` (dataset -> score).
    """
    views: dict[str, dict[str, dict]] = {name: {} for name in files}
    for view in VIEWS:
        with TemporaryDirectory() as folder:
            seen = config if view == VIEWS[0] else mirrored(config, view)
            scorer = Scorer(seen, Path(folder))
            for name, file in files.items():
                found = per_dataset(scorer(file, 'val'))
                views[name][view] = {
                    dataset: {key: numbers[key] for key in SCORES}
                    for dataset, numbers in found.items()
                }
    return {
        name: {'views': seen, 'mean': _mean(list(seen.values()))} for name, seen in views.items()
    }


def _mean(views: Sequence[Mapping[str, Mapping[str, float]]]) -> dict[str, dict[str, float]]:
    return {
        dataset: {key: fmean(view[dataset][key] for view in views) for key in SCORES}
        for dataset in views[0]
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Run the comparison; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='config file or name, whose validation splits are scored')
    parser.add_argument('weights', nargs='+', help='names of weights, or files')
    parser.add_argument('--json', type=Path, metavar='FILE', help='write the scores of every view')
    args = parser.parse_args(argv)
    files = {name: find_weights(name) or Path(name) for name in args.weights}
    scores = score(load_config(args.config), files)
    for name, found in scores.items():
        for dataset, numbers in found['mean'].items():
            print(name, dataset, *(f'{key} {numbers[key]:.2f}' for key in SCORES))
    if args.json is not None:
        write_atomically(args.json, json.dumps(scores, indent=1) + '\n')
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
