"""Curves as files: CSV for plotting programs, JSON for scripts, PNG for people."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

from mmirstd.evaluation.curves import PixelCurve, TargetCurve


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
    paths[2].write_text(json.dumps(summary, indent=2) + '\n', encoding='utf-8')
    _draw(paths[3], pixels, detection)
    return paths


def _write_csv(path: Path, header: Sequence[str], columns: Sequence[Sequence[float]]) -> None:
    with path.open('w', newline='', encoding='utf-8') as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(zip(*columns, strict=True))


def _draw(path: Path, pixels: PixelCurve, detection: TargetCurve) -> None:
    # Figure without pyplot: no global state, no display needed. Imported late: it is slow.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 4), layout='constrained')
    roc, pr, pd_fa = figure.subplots(1, 3)
    roc.plot(pixels.fpr, pixels.tpr)
    roc.set(
        xlabel='pixel false-positive rate',
        ylabel='pixel true-positive rate',
        title=f'ROC, AUC {pixels.roc_auc:.4f} ({pixels.bins} bins)',
    )
    roc.set_xscale('symlog', linthresh=1e-6)
    pr.plot(pixels.tpr, pixels.precision)
    pr.set(
        xlabel='pixel recall',
        ylabel='pixel precision',
        title=f'Precision-recall, AP {pixels.average_precision:.4f} ({pixels.bins} bins)',
    )
    pd_fa.plot(1e6 * detection.fa, detection.pd, marker='.')
    pd_fa.set_xscale('symlog', linthresh=1.0)
    pd_fa.set_xlim(left=0)  # a range of less than a decade would have no tick
    pd_fa.set(
        xlabel='Fa, 1e-6',
        ylabel='Pd',
        title=f'Pd-Fa ({detection.matching}, {len(detection.thresholds)} thresholds)',
    )
    for axes in (roc, pr, pd_fa):
        axes.set_ylim(-0.02, 1.02)
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=120)
