"""Scores as people read them: a table for the log and named numbers for machines.

IoU, nIoU, Pd, precision, recall and F1 are given in percent, Fa in units of 1e-6, as in papers.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

from rich.box import MARKDOWN
from rich.console import Console
from rich.table import Table

from mmirstd.evaluation.hierarchy import HierarchyScores
from mmirstd.evaluation.rates import Scores

_EMPTY_TEXT = {'one': 'count as 1', 'zero': 'count as 0', 'skip': 'are left out'}


def as_numbers(scores: Sequence[Scores]) -> dict[str, float | int]:
    """Name the numbers of a result.

    Args:
        scores: The same images under one or more conventions. The first gives the plain names;
            of the others only Pd and Fa differ, given as ``Pd_<matching>``, ``Fa_<matching>``.

    Returns:
        Ratios as floats (percent; Fa in 1e-6; NaN where undefined) and counts as ints. Pd per
        target size, such as ``Pd_10-24px``, is left out where there are no such targets, and hIoU
        with its errors where it was not counted.
    """
    main = scores[0]
    numbers: dict[str, float | int] = {
        'IoU': 100 * main.iou,
        'nIoU': 100 * main.niou,
        'Pd': 100 * main.pd,
        'Fa': 1e6 * main.fa,
        'Precision': 100 * main.precision,
        'Recall': 100 * main.recall,
        'F1': 100 * main.f1,
        'target_Precision': 100 * main.target_precision,
        'target_F1': 100 * main.target_f1,
    }
    for other in scores[1:]:
        numbers[f'Pd_{other.matching}'] = 100 * other.pd
        numbers[f'Fa_{other.matching}'] = 1e6 * other.fa
    for size in main.by_size:
        if size.targets:
            # No '+' in names: MLflow refuses it.
            sizes = f'over{size.low - 1}' if size.high is None else size.label
            numbers[f'Pd_{sizes}px'] = 100 * size.pd
    if main.hierarchy is not None:
        numbers |= {name: 100 * ratio for name, ratio in main.hierarchy.ratios().items()}
    counts = ('images', 'pixels', 'tp', 'fp', 'fn', 'targets', 'hits', 'predictions')
    for name in (*counts, 'false_predictions', 'false_pixels'):
        numbers[name] = getattr(main, name)
    return numbers


def format_report(scores: Sequence[Scores], *, title: str = '', threshold: str = '') -> str:
    """Write the table of a result.

    Args:
        scores: The same images under one or more conventions, the one that counts first.
        title: What was scored.
        threshold: How the prediction was made binary, such as ``'probability > 0.5'``.

    Returns:
        Several lines of plain text; the tables are Markdown.
    """
    main = scores[0]
    size = '{}x{}'.format(*main.smallest)
    if main.sizes > 1:
        size = f'{main.sizes} sizes from {size} to ' + '{}x{}'.format(*main.largest)
    ignored = f' ({main.ignored:,} more ignored)' if main.ignored else ''
    lines = [
        title,
        f'Evaluated at (height x width): {size}; {main.images:,} images, '
        f'{main.pixels:,} pixels{ignored}',
        f'Predicted where: {threshold}' if threshold else '',
        '',
        _pixel_table(main),
        f'nIoU: images without target and prediction {_EMPTY_TEXT[main.empty_iou]} '
        f'(here {main.empty_images:,})',
        '',
        _target_table(scores),
        f'Pd and Fa as reported: {main.matching}. Fa = false pixels / {main.fa_pixels:,} pixels.',
        '',
        _size_table(main),
        *([] if main.hierarchy is None else ['', _hierarchy_table(main.hierarchy)]),
    ]
    text = '\n'.join(lines)
    while '\n\n\n' in text:
        text = text.replace('\n\n\n', '\n\n')
    return text.strip('\n')


def format_datasets(scores: Mapping[str, Sequence[Scores]]) -> str:
    """Write one row per dataset of a joint set.

    Args:
        scores: Name of the dataset -> its scores; Pd and Fa of the first convention are shown.
    """
    rows = [
        [
            name,
            f'{100 * one.iou:.2f}',
            f'{100 * one.niou:.2f}',
            f'{100 * one.pd:.2f}',
            f'{1e6 * one.fa:.2f}',
            f'{one.hits:,} / {one.targets:,}',
            f'{one.images:,}',
        ]
        for name, (one, *_) in scores.items()
    ]
    matching = next(iter(scores.values()))[0].matching
    header = ['dataset', 'IoU %', 'nIoU %', 'Pd %', 'Fa 1e-6', 'hits / targets', 'images']
    return f'{_render(header, rows)}\nPd and Fa: {matching}'


def _pixel_table(main: Scores) -> str:
    return _render(
        ['IoU %', 'nIoU %', 'Precision %', 'Recall %', 'F1 %', 'TP px', 'FP px', 'FN px'],
        [
            [
                *(
                    f'{100 * ratio:.2f}'
                    for ratio in (main.iou, main.niou, main.precision, main.recall, main.f1)
                ),
                *(f'{count:,}' for count in (main.tp, main.fp, main.fn)),
            ]
        ],
    )


def _target_table(scores: Sequence[Scores]) -> str:
    header = ['matching', 'Pd %', 'Fa 1e-6', 'hits / targets', 'false px']
    header += ['false / predicted', 'Precision %', 'F1 %']
    rows = [
        [
            one.matching,
            f'{100 * one.pd:.2f}',
            f'{1e6 * one.fa:.3f}',
            f'{one.hits:,} / {one.targets:,}',
            f'{one.false_pixels:,}',
            f'{one.false_predictions:,} / {one.predictions:,}',
            f'{100 * one.target_precision:.2f}',
            f'{100 * one.target_f1:.2f}',
        ]
        for one in scores
    ]
    return _render(header, rows)


def _hierarchy_table(hierarchy: HierarchyScores) -> str:
    return _render(
        [f'{name} %' for name in hierarchy.ratios()],
        [[f'{100 * ratio:.2f}' for ratio in hierarchy.ratios().values()]],
    )


def _size_table(main: Scores) -> str:
    return _render(
        ['target size, px', *(size.label for size in main.by_size)],
        [
            [
                f'Pd % ({main.matching})',
                *(f'{100 * size.pd:.2f}' if size.targets else '-' for size in main.by_size),
            ],
            ['hits / targets', *(f'{size.hits:,} / {size.targets:,}' for size in main.by_size)],
        ],
    )


def _render(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    table = Table(box=MARKDOWN)
    for number, name in enumerate(header):
        table.add_column(name, justify='right' if number else 'left', no_wrap=True)
    for row in rows:
        table.add_row(*row)
    text = io.StringIO()
    Console(file=text, width=200, color_system=None, force_terminal=False).print(table)
    return '\n'.join(line.rstrip() for line in text.getvalue().strip('\n').split('\n'))
