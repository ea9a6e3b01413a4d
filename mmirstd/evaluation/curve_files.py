"""Curves as files: CSV for plotting programs, JSON for scripts, PNG for people."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mmirstd.evaluation.curves import PixelCurve, TargetCurve
from mmirstd.io.atomic import atomic_path, write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def save_curves(folder: str | Path, pixels: PixelCurve, detection: TargetCurve) -> list[Path]:
    """Write ``pixel_curve.csv``, ``pd_fa_curve.csv``, ``curves.json`` and ``curves.png``.

    Args:
        folder: Where to write; created if missing.
        pixels: Pixel ROC and precision-recall curve.
        detection: Pd-Fa curve.

    Returns:
        The paths of the four files.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths = [
        folder / name
        for name in ('pixel_curve.csv', 'pd_fa_curve.csv', 'curves.json', 'curves.png')
    ]
    _write_csv(
        paths[0],
        ['threshold', 'tp', 'fp', 'tpr', 'fpr', 'precision'],
        [pixels.thresholds, pixels.tp, pixels.fp, pixels.tpr, pixels.fpr, pixels.precision],
    )
    _write_csv(
        paths[1],
        ['threshold', 'hits', 'false_pixels', 'pd', 'fa'],
        [
            detection.thresholds,
            detection.hits,
            detection.false_pixels,
            detection.pd,
            detection.fa,
        ],
    )
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


def _write_csv(path: Path, header: Sequence[str], columns: Sequence[Sequence[float]]) -> None:
    with path.open('w', newline='', encoding='utf-8') as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(zip(*columns, strict=True))


def draw_curves(curves: Mapping[str, tuple[PixelCurve, TargetCurve]], height: float = 4) -> Figure:
    """Draw ROC, precision-recall and Pd-Fa curves of one or several models side by side.

    Args:
        curves: What the legend calls a model -> its curves; a single one gets no legend but its
            areas in the titles.
        height: Of the figure in inches; it is 13 wide.
    """
    # Figure without pyplot: no global state, no display needed. Imported late: it is slow.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, height), layout='constrained')
    roc, pr, pd_fa = figure.subplots(1, 3)
    for name, (pixels, detection) in curves.items():
        # Text of a user, not matplotlib's mathematics; a leading underscore would hide it.
        label = ('\u200b' + name).replace('$', r'\$')
        roc.plot(pixels.fpr, pixels.tpr, label=label)
        pr.plot(pixels.tpr, pixels.precision, label=label)
        pd_fa.plot(1e6 * detection.fa, detection.pd, marker='.', label=label)
    titles = ['ROC', 'Precision-recall', 'Pd-Fa over the threshold']
    if len(curves) == 1:
        titles[0] += f', AUC {pixels.roc_auc:.4f} ({pixels.bins} bins)'
        titles[1] += f', AP {pixels.average_precision:.4f} ({pixels.bins} bins)'
        titles[2] = f'Pd-Fa ({detection.matching}, {len(detection.thresholds)} thresholds)'
    else:
        pd_fa.legend(loc='lower right')
    roc.set(xlabel='pixel false-positive rate', ylabel='pixel true-positive rate', title=titles[0])
    roc.set_xscale('symlog', linthresh=1e-6)
    pr.set(xlabel='pixel recall', ylabel='pixel precision', title=titles[1])
    pd_fa.set(xlabel='Fa, 1e-6', ylabel='Pd', title=titles[2])
    pd_fa.set_xscale('symlog', linthresh=1.0)
    pd_fa.set_xlim(left=0)  # a range of less than a decade would have no tick
    for axes in (roc, pr, pd_fa):
        axes.set_ylim(-0.02, 1.02)
        axes.grid(alpha=0.3)
    return figure
