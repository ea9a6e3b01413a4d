"""Scores as tables, curves and files.

This is part of `mmirstd.evaluation`, because the metric prints and writes during a test.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.box import MARKDOWN
from rich.console import Console
from rich.table import Table

from mmirstd.evaluation.counts import ImageCounts
from mmirstd.evaluation.curves import PixelCurve, TargetCurve
from mmirstd.evaluation.hierarchy import HierarchyScores
from mmirstd.evaluation.rates import Scores
from mmirstd.io.outputs.atomic import atomic_path, write_atomically
from mmirstd.io.outputs.growing import csv_text
from mmirstd.io.outputs.guard import Inputs, StrPath, check_output
from mmirstd.wording import format_count

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_EMPTY_TEXT = {'one': 'count as 1', 'zero': 'count as 0', 'skip': 'are left out'}
_DARK = {
    'figure.facecolor': '#14181d',
    'axes.facecolor': '#14181d',
    **dict.fromkeys(('text.color', 'axes.labelcolor', 'axes.titlecolor'), '#e6e9ed'),
    **dict.fromkeys(('xtick.color', 'ytick.color', 'axes.edgecolor'), '#aab4bf'),
    'grid.color': '#aab4bf',
    'legend.facecolor': '#1d232a',
    'legend.edgecolor': '#3a434d',
}
_DARK_LINES = ('#6cb6ff', '#ffa657', '#7ee787', '#ff7b72', '#d2a8ff', '#f2cc60')


def format_report(scores: Sequence[Scores], *, title: str = '', threshold: str = '') -> str:
    """Write a result as text with tables in Markdown.

    Args:
        scores: The same images under one or more conventions; the first is the reported one.
        title: What was scored.
        threshold: Condition of predicted pixels, such as ``'probability > 0.5'``.
    """
    main = scores[0]
    size = '{}x{}'.format(*main.smallest)
    if main.sizes > 1:
        size = f'{format_count(main.sizes, "size")} from {size} to ' + '{}x{}'.format(*main.largest)
    ignored = f' ({main.ignored:,} more ignored)' if main.ignored else ''
    lines = [
        title,
        f'Evaluated at (height x width): {size}; {format_count(main.images, "image")}, '
        f'{format_count(main.pixels, "pixel")}{ignored}',
        f'Predicted where: {threshold}' if threshold else '',
        '',
        _pixel_table(main),
        f'nIoU: images without target and prediction {_EMPTY_TEXT[main.empty_iou]} '
        f'(here {main.empty_images:,})',
        '',
        _target_table(scores),
        f'Pd and Fa as reported: {main.matching}. Fa = false pixels / '
        f'{format_count(main.fa_pixels, "pixel")}.',
        '',
        _size_table(main),
        *([] if main.hierarchy is None else ['', _hierarchy_table(main.hierarchy)]),
    ]
    return re.sub(r'\n{3,}', '\n\n', '\n'.join(lines)).strip('\n')


def format_datasets(scores: Mapping[str, Sequence[Scores]]) -> str:
    """Write a table of the datasets of a joint set, with Pd and Fa under the first convention.

    Args:
        scores: Name of the dataset -> its scores.
    """
    rows = []
    for name, (one, *_) in scores.items():
        hits = f'{one.hits:,} / {one.targets:,}'
        percentages = map(_percent, (one.iou, one.niou, one.pd))
        rows.append([name, *percentages, f'{1e6 * one.fa:.2f}', hits, f'{one.images:,}'])
    matching = next(iter(scores.values()))[0].matching
    header = ['dataset', 'IoU %', 'nIoU %', 'Pd %', 'Fa 1e-6', 'hits / targets', 'images']
    return f'{_render(header, rows)}\nPd and Fa: {matching}'


def _percent(ratio: float) -> str:
    return f'{100 * ratio:.2f}'


def _pixel_table(main: Scores) -> str:
    header = ['IoU %', 'nIoU %', 'Precision %', 'Recall %', 'F1 %', 'TP px', 'FP px', 'FN px']
    ratios = (main.iou, main.niou, main.precision, main.recall, main.f1)
    counts = (f'{count:,}' for count in (main.tp, main.fp, main.fn))
    return _render(header, [[*map(_percent, ratios), *counts]])


def _target_table(scores: Sequence[Scores]) -> str:
    header = ['matching', 'Pd %', 'Fa 1e-6', 'hits / targets', 'false px']
    header += ['false / predicted', 'Precision %', 'F1 %']
    rows = []
    for one in scores:
        row = [one.matching, _percent(one.pd), f'{1e6 * one.fa:.3f}']
        row += [f'{one.hits:,} / {one.targets:,}', f'{one.false_pixels:,}']
        row += [f'{one.false_predictions:,} / {one.predictions:,}']
        rows.append([*row, _percent(one.target_precision), _percent(one.target_f1)])
    return _render(header, rows)


def _hierarchy_table(hierarchy: HierarchyScores) -> str:
    ratios = hierarchy.ratios()
    return _render([f'{name} %' for name in ratios], [[_percent(each) for each in ratios.values()]])


def _size_table(main: Scores) -> str:
    pd = [_percent(size.pd) if size.targets else '-' for size in main.by_size]
    hits = [f'{size.hits:,} / {size.targets:,}' for size in main.by_size]
    header = ['target size, px', *(size.label for size in main.by_size)]
    return _render(header, [[f'Pd % ({main.matching})', *pd], ['hits / targets', *hits]])


def _render(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    table = Table(box=MARKDOWN)
    for number, name in enumerate(header):
        table.add_column(name, justify='right' if number else 'left', no_wrap=True)
    for row in rows:
        table.add_row(*row)
    text = io.StringIO()
    Console(file=text, width=200, color_system=None, force_terminal=False).print(table)
    return '\n'.join(line.rstrip() for line in text.getvalue().strip('\n').split('\n'))


def write_per_image(
    path: str | Path,
    images: Sequence[ImageCounts],
    inputs: Inputs | Iterable[StrPath] = (),
) -> None:
    """Write one line of CSV per image with its counts, lowest IoU first.

    Args:
        path: File to create or to replace.
        images: Counts of the images.
        inputs: Files that must not be replaced.

    Raises:
        OutputError: ``path`` is an input, a link or a folder.
        OSError: The file cannot be written.
    """
    place = check_output(path, inputs=inputs)
    matchings = list(images[0].matches)
    header = ['name', 'height', 'width', 'pixels']
    header += ['iou', 'tp', 'fp', 'fn', 'targets', 'predictions']
    for matching in matchings:
        header += [f'hits_{matching}', f'false_pixels_{matching}']
    rows = []
    for image in images:
        row = [image.name, image.height, image.width, image.pixels]
        row += ['' if image.iou is None else image.iou, image.tp, image.fp, image.fn]
        row += [len(image.target_areas), image.predictions]
        for matching in matchings:
            match = image.matches[matching]
            row += [sum(match.hits), match.false_pixels]
        rows.append(row)
    rows.sort(key=lambda row: (row[4] == '', row[4], row[0]))
    write_atomically(place, csv_text([header, *rows]))


def save_curves(
    folder: str | Path,
    pixels: PixelCurve,
    detection: TargetCurve,
    inputs: Inputs | Iterable[StrPath] = (),
) -> list[Path]:
    """Write ``pixel_curve.csv``, ``pd_fa_curve.csv``, ``curves.json`` and ``curves.png``.

    Args:
        folder: Folder for the files; created if missing.
        pixels: Pixel ROC and precision-recall curve.
        detection: Pd-Fa curve.
        inputs: Files that must not be replaced.

    Returns:
        The paths of the four files.

    Raises:
        OutputError: One of them is an input, a link or a folder.
        OSError: A file cannot be written.
    """
    paths = [
        check_output(name, folder=folder, inputs=inputs)
        for name in ('pixel_curve.csv', 'pd_fa_curve.csv', 'curves.json', 'curves.png')
    ]
    _write_csv(paths[0], pixels, ('tp', 'fp', 'tpr', 'fpr', 'precision'))
    _write_csv(paths[1], detection, ('hits', 'false_pixels', 'pd', 'fa'))
    summary = {
        'bins': pixels.bins,
        'roc_auc': pixels.roc_auc,
        'average_precision': pixels.average_precision,
        'positive_pixels': pixels.positives,
        'negative_pixels': pixels.negatives,
        'matching': detection.matching,
        'targets': detection.targets,
        'fa_pixels': detection.pixels,
        'thresholds': detection.thresholds.tolist(),
        'pd': detection.pd.tolist(),
        'fa': detection.fa.tolist(),
    }
    write_atomically(paths[2], json.dumps(summary, indent=2) + '\n')
    with atomic_path(paths[3], sync=False) as path:
        draw_curves({'': (pixels, detection)}).savefig(path, format='png', dpi=120)
    return paths


def _write_csv(path: Path, curve: PixelCurve | TargetCurve, columns: Sequence[str]) -> None:
    values = (getattr(curve, name) for name in ('thresholds', *columns))
    write_atomically(path, csv_text([('threshold', *columns), *zip(*values, strict=True)]))


def draw_curves(
    curves: Mapping[str, tuple[PixelCurve, TargetCurve]], height: float = 4, *, dark: bool = False
) -> Figure:
    """Draw ROC, precision-recall and Pd-Fa curves of one or several models side by side.

    The Pd-Fa curve ends at the lowest threshold with the largest Pd (:attr:`TargetCurve.useful`).

    Args:
        curves: Name of a model in the legend -> its curves. For a single model, titles with its
            areas replace the legend.
        height: Height of the figure in inches; its width is 13.
        dark: Draw light lines on a dark background.
    """
    from cycler import cycler  # here, because matplotlib takes long to import
    from matplotlib import style

    colours = {'axes.prop_cycle': cycler(color=_DARK_LINES)}
    with style.context(_DARK | colours if dark else {}):
        return _draw_curves(curves, height)


def _decades(curves: Sequence[TargetCurve]) -> tuple[float, float]:
    """Whole decades around the drawn Fa in 1e-6; from 0 if the lowest Fa is below 1."""
    fa = 1e6 * np.concatenate([curve.fa[curve.useful] for curve in curves])
    low = 10.0 ** np.floor(np.log10(fa.min())) if fa.min() >= 1 else 0.0
    return low, 10.0 ** (1 + np.floor(np.log10(max(fa.max(), 1))))


def _draw_curves(curves: Mapping[str, tuple[PixelCurve, TargetCurve]], height: float) -> Figure:
    # Not pyplot, which has global state and may need a display.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, height), layout='constrained')
    roc, pr, pd_fa = figure.subplots(1, 3)
    for name, (pixels, detection) in curves.items():
        # Without '$' as matplotlib's mathematics; a leading underscore would hide the name.
        label = ('\u200b' + name).replace('$', r'\$')
        roc.plot(pixels.fpr, pixels.tpr, label=label)
        pr.plot(pixels.tpr, pixels.precision, label=label)
        fa, found = (values[detection.useful][::-1] for values in (detection.fa, detection.pd))
        # Steps, because nothing was measured between two thresholds.
        pd_fa.step(1e6 * fa, found, where='post', marker='.', label=label)
    titles = ['ROC', 'Precision-recall', 'Pd-Fa over the threshold']
    if len(curves) == 1:
        bins = format_count(pixels.bins, 'bin')
        titles[0] += f', AUC {pixels.roc_auc:.4f} ({bins})'
        titles[1] += f', AP {pixels.average_precision:.4f} ({bins})'
        drawn = len(detection.thresholds[detection.useful])
        titles[2] = f'Pd-Fa ({detection.matching}, {format_count(drawn, "threshold")})'
    else:
        pd_fa.legend(loc='lower right')
    roc.set(xlabel='pixel false-positive rate', ylabel='pixel true-positive rate', title=titles[0])
    roc.set_xscale('symlog', linthresh=1e-6)
    pr.set(xlabel='pixel recall', ylabel='pixel precision', title=titles[1])
    pd_fa.set(xlabel='Fa, 1e-6', ylabel='Pd', title=titles[2])
    pd_fa.set_xscale('symlog', linthresh=1.0)
    pd_fa.set_xlim(*_decades([detection for _, detection in curves.values()]))
    for axes in (roc, pr, pd_fa):
        axes.set_ylim(-0.02, 1.02)
        axes.grid(alpha=0.3)
    return figure
