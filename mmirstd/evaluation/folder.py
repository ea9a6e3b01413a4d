"""Score a folder of predictions, from any program, against a folder of masks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmirstd.datasets.layouts.pairing import FileIndex
from mmirstd.datasets.lists import find_name
from mmirstd.datasets.resampling import resize_image, resize_mask
from mmirstd.evaluation.counts import check_threshold
from mmirstd.evaluation.scorer import Scorer, SetScores
from mmirstd.io.images.masks import VOID, describe_void, is_all_void, read_mask
from mmirstd.io.predictions import (
    PREDICTION_KINDS,
    PROBABILITY_FOLDER,
    detect_kind,
    read_prediction_file,
)
from mmirstd.io.threads import map_in_order
from mmirstd.renamed import Renamed, accept_old_arguments
from mmirstd.wording import format_count

RESIZE = ('prediction', 'gt')
"""What can be resized if the sizes differ."""


class FolderError(ValueError):
    """Files are missing or wrong.

    Attributes:
        problems: One message per file.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__('\n'.join(problems))
        self.problems = list(problems)


@dataclass(frozen=True, slots=True)
class FolderScores:
    """The result of a folder of predictions.

    Attributes:
        result: Scores, curves and the counts of each image, by name.
        kind: Kind of the predictions: ``'mask'``, ``'probability'`` or ``'logits'``.
        left_out: Names without a prediction or without a mask.
        resized: Number of images whose prediction or mask was resized.
        notes: Suspicious properties that a person should check.
    """

    result: SetScores
    kind: str
    left_out: list[str] = field(default_factory=list)
    resized: int = 0
    notes: list[str] = field(default_factory=list)


@accept_old_arguments(
    truths='gt_masks',
    truth_threshold='gt_threshold',
    truth_tail='gt_suffix',
    prediction_tail='prediction_suffix',
    resize=Renamed('resize', {'truth': 'gt'}),
)
def score_folder(
    predictions: str | Path,
    gt_masks: str | Path,
    scorer: Scorer,
    *,
    names: Sequence[str] | None = None,
    kind: str = 'auto',
    threshold: float = 0.5,
    gt_threshold: float = 0,
    void_value: int | None = None,
    prediction_suffix: str = '',
    gt_suffix: str = '',
    resize: str | None = None,
    allow_missing: bool = False,
    progress: Callable[[list[tuple[str, Path, Path]]], Iterable[tuple[str, Path, Path]]] = iter,
) -> FolderScores:
    """Score all images of a folder.

    Files belong together if they have the same path below their folders, without suffix and file
    type. Sub-folders are searched, except the ``probability`` folder of `IRSTDMetric`. Hidden files
    and other file types are ignored.

    Args:
        predictions: Folder with the predictions.
        gt_masks: Folder with the masks; a pixel is target where any channel is above
            ``gt_threshold``.
        scorer: Receives and counts the images. Curves need probabilities.
        names: Names to score, such as a published test split; None takes all.
        kind: Kind of the predictions, one of `PREDICTION_KINDS`; ``'auto'`` determines it.
        threshold: A pixel is predicted if its probability exceeds this.
        gt_threshold: Gray value that target pixels of the masks exceed. 254 takes only pixels of
            255, as the published programs of the DNANet family do for Pd and Fa.
        void_value: Value of mask pixels that are not evaluated; they are removed from prediction
            and mask. None evaluates all.
        prediction_suffix: Suffix of the names of predictions, such as ``'_pred'``.
        gt_suffix: Suffix of the names of masks, such as ``'_pixels0'``.
        resize: If sizes differ, resize ``'prediction'`` or ``'gt'`` to the size of the other; masks
            by nearest neighbour, probabilities bilinearly. With None, it is an error.
        allow_missing: Score only the names that have both files; False makes others an error.
        progress: Wraps the list of images, to show a progress bar.

    Raises:
        FolderError: Files are missing, unreadable or of different sizes; the message names all.
        FileNotFoundError: A folder does not exist.
        ValueError: An option is unknown or there is nothing to score.
    """
    if kind not in PREDICTION_KINDS:
        raise ValueError(f'kind={kind!r} is unknown; choose one of {", ".join(PREDICTION_KINDS)}')
    if resize is not None and resize not in RESIZE:
        raise ValueError(f'resize={resize!r} is unknown; choose one of {", ".join(RESIZE)}')
    check_threshold(threshold)
    pairs, left_out = _pair(
        _index(predictions, prediction_suffix), _index(gt_masks, gt_suffix), names, allow_missing
    )
    if kind == 'auto':
        kind = detect_kind(prediction for _, prediction, _ in pairs)
    if scorer.curves and kind == 'mask':
        raise ValueError(f'{predictions}: curves need probabilities, these are masks')

    def read(pair: tuple[str, Path, Path]) -> _PairOfMasks | str:
        try:
            return _read_pair(*pair, kind, threshold, gt_threshold, void_value, resize)
        except (OSError, ValueError) as error:
            return str(error)

    problems, notes, resized = [], [], 0
    all_void: list[Path] = []
    for pair in map_in_order(read, progress(pairs)):
        if isinstance(pair, str):
            problems.append(pair)
            continue
        resized += pair.resized
        is_target = pair.gt_mask == 1
        if (share := is_target.mean()) > 0.5:
            notes.append(f'{pair.gt_path}: {share:.0%} of the pixels are target; is it a mask?')
        if is_all_void(pair.gt_mask):
            all_void.append(pair.gt_path)
        ignored = pair.gt_mask == VOID if void_value is not None else None
        scorer.update(
            pair.mask, is_target, probability=pair.probability, ignored=ignored, name=pair.name
        )
    if problems:
        raise FolderError(problems)
    if all_void and not any(record.counts.target_areas for record in scorer.records):
        raise ValueError(
            f'no mask has a target; {format_count(len(all_void), "mask has", "masks have")} void '
            f'pixels ({void_value}), such as {all_void[0]}. If 255 is their target, leave the void '
            'value out'
        )
    notes += describe_void(all_void, len(pairs), void_value)
    return FolderScores(scorer.compute(), kind, left_out, resized, notes)


@dataclass(frozen=True, slots=True)
class _PairOfMasks:
    name: str
    gt_path: Path
    mask: NDArray[np.bool_]
    probability: NDArray[np.float32] | None
    gt_mask: NDArray[np.uint8]
    resized: bool


def _read_pair(
    name: str,
    prediction_path: Path,
    gt_path: Path,
    kind: str,
    threshold: float,
    gt_threshold: float,
    void_value: int | None,
    resize: str | None,
) -> _PairOfMasks:
    mask, probability = read_prediction_file(prediction_path, kind, threshold)
    gt_mask = read_mask(gt_path, gt_threshold, void_value=void_value)
    differ = mask.shape != gt_mask.shape
    if differ and resize is None:
        raise ValueError(
            f'{prediction_path} has the size {mask.shape}, {gt_path} {gt_mask.shape} (height, '
            'width); give --resize prediction or --resize gt'
        )
    if differ and resize == 'gt':
        gt_mask = resize_mask(gt_mask, mask.shape)
    elif differ and probability is None:
        mask = resize_mask(mask.astype(np.uint8), gt_mask.shape) > 0
    elif differ:
        probability = resize_image(probability, gt_mask.shape)
        mask = probability > threshold
    return _PairOfMasks(name, gt_path, mask, probability, gt_mask, differ)


def _index(folder: str | Path, suffix: str) -> dict[str, Path]:
    """Names without ``suffix`` -> files."""
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f'folder not found: {folder}')
    files = FileIndex(folder, suffix)
    index = {
        stem.removesuffix(suffix): path
        for stem in files.stems()
        if not stem.startswith(f'{PROBABILITY_FOLDER}/')
        and (path := files.by_stem(stem)) is not None
    }
    if not index:
        ending = f' whose names end in {suffix!r}' if suffix else ''
        raise ValueError(f'{folder}: no image or .npy files{ending}')
    return index


def _pair(
    predictions: dict[str, Path],
    gt_masks: dict[str, Path],
    names: Sequence[str] | None,
    allow_missing: bool,
) -> tuple[list[tuple[str, Path, Path]], list[str]]:
    """(name, prediction, ground truth) of each image, and the names without one of the two."""
    known = predictions.keys() | gt_masks.keys()
    wanted = sorted(known) if names is None else [find_name(n, known) or n for n in names]
    pairs, problems = [], {}
    for name in wanted:
        if name in predictions and name in gt_masks:
            pairs.append((name, predictions[name], gt_masks[name]))
        elif name in gt_masks:
            problems[name] = f'{gt_masks[name]}: no prediction called {name!r}'
        elif name in predictions:
            problems[name] = f'{predictions[name]}: no mask called {name!r}'
        else:
            problems[name] = f'{name!r} is listed, but has neither prediction nor mask'
    if not pairs:
        raise FolderError(['no prediction has the name of a mask', *list(problems.values())[:4]])
    if problems and not allow_missing:
        raise FolderError(list(problems.values()))
    return pairs, list(problems)
