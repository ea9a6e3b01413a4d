"""One self-contained HTML page about the evaluation of one or several networks.

Everything, pictures included, lies in the one file; it needs no network and runs no script.
"""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

from matplotlib.figure import Figure

from mmirstd.evaluation.curves import draw_curves
from mmirstd.io.pictures import encode_image
from mmirstd.reporting.report import Evaluation, WorstImage, badness
from mmirstd.visualization.overlay import draw_result

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem;
color:#1b1f24;background:#fff}
h1,h2,h3{line-height:1.2} h2{margin-top:2.5rem;border-bottom:1px solid #d0d7de}
table{border-collapse:collapse;margin:1rem 0;display:block;overflow-x:auto}
th,td{border:1px solid #d0d7de;padding:.25rem .6rem;text-align:right;white-space:nowrap}
th:first-child,td:first-child,.facts td{text-align:left} .facts td{white-space:normal}
th{background:#f3f5f7}
img{max-width:100%;height:auto;image-rendering:auto} figure{margin:1rem 0}
figcaption{color:#57606a} pre{background:#f3f5f7;padding:1rem;overflow:auto;font-size:12px}
code{overflow-wrap:anywhere} summary{cursor:pointer;margin:.4rem 0}
"""

_ROWS = (
    ('IoU', 'IoU, %'), ('nIoU', 'nIoU, %'), ('Pd', 'Pd, %'), ('Fa', 'Fa, 1e-6'),
    ('Pd_legacy', 'Pd (legacy matching), %'), ('Fa_legacy', 'Fa (legacy matching), 1e-6'),
    ('Precision', 'pixel precision, %'), ('Recall', 'pixel recall, %'), ('F1', 'pixel F1, %'),
    ('target_Precision', 'target precision, %'), ('target_F1', 'target F1, %'),
    ('targets', 'targets'), ('hits', 'detected targets'),
    ('false_predictions', 'false targets'), ('false_pixels', 'false pixels'),
)  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """One evaluated network.

    Attributes:
        name: What the page calls it.
        evaluation: Its results.
        facts: Label -> text: files, checksums, threshold, tiles.
        config: The full config as text; empty if there is none.
    """

    name: str
    evaluation: Evaluation
    facts: Mapping[str, str] = field(default_factory=dict)
    config: str = ''


def build_page(
    title: str, entries: Sequence[Entry], facts: Mapping[str, str], *, worst: int = 12
) -> str:
    """Write the page.

    Args:
        title: Heading.
        entries: The networks, evaluated on the same images.
        facts: Label -> text about images, versions and machine.
        worst: Pictures in the gallery of each network.

    Returns:
        HTML text.

    Raises:
        ValueError: There is no network, two share a name, or they saw different images.
    """
    names = [entry.name for entry in entries]
    if not entries or len(set(names)) != len(names):
        raise ValueError(f'names={names}: give at least one network, each with its own name')
    images = [[counts.name for counts in entry.evaluation.result.images] for entry in entries]
    if any(each != images[0] for each in images):
        raise ValueError('the networks were evaluated on different images')
    curves = {
        entry.name: (entry.evaluation.result.pixel_curve, entry.evaluation.result.target_curve)
        for entry in entries
    }
    parts = [
        f'<h1>{escape(title)}</h1>',
        _facts(facts),
        '<h2>Results</h2>',
        _results(entries),
        '<p>Evaluated at the size of the images. Fa: false pixels per evaluated pixel. A target '
        'is an 8-connected component; a hit has its centroid within 3 px.</p>',
        '<h3>Pd by target size</h3>',
        _sizes(entries),
        '<h2>Curves</h2>',
        _picture(draw_curves(curves, 4.2), 'ROC and precision-recall per pixel, Pd against Fa'),
        '<h2>Worst images first</h2>',
        '<p>Ordered by missed and false targets, then by IoU. Blue squares are hits, yellow '
        'circles misses, vermilion diamonds false alarms; in the crops the true outline is '
        'white.</p>',
        *(_gallery(entry, worst) for entry in entries),
        '<h2>Networks</h2>',
        *(_network(entry) for entry in entries),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)}</title><style>{_STYLE}</style></head>\n<body>\n'
        + '\n'.join(parts)
        + '\n</body></html>\n'
    )


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = ''.join(f'<th>{escape(cell)}</th>' for cell in header)
    body = ''.join(
        '<tr>' + ''.join(f'<td>{escape(cell)}</td>' for cell in row) + '</tr>' for row in rows
    )
    return f'<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _facts(facts: Mapping[str, str]) -> str:
    rows = ''.join(
        f'<tr><td>{escape(key)}</td><td><code>{escape(value)}</code></td></tr>'
        for key, value in facts.items()
    )
    return f'<table class="facts">{rows}</table>'


def _number(value: float) -> str:
    if isinstance(value, int):
        return f'{value:,}'
    return 'undefined' if math.isnan(value) else f'{value:.2f}'


def _results(entries: Sequence[Entry]) -> str:
    numbers = [entry.evaluation.result.numbers() for entry in entries]
    rows = [[label, *(_number(each[key]) for each in numbers)] for key, label in _ROWS]
    for label, attribute in (('ROC AUC', 'roc_auc'), ('average precision', 'average_precision')):
        curves = [entry.evaluation.result.pixel_curve for entry in entries]
        values = [f'{getattr(curve, attribute):.4f}' for curve in curves]
        rows.append([f'{label} ({curves[0].bins} bins)', *values])
    return _table(['', *(entry.name for entry in entries)], rows)


def _sizes(entries: Sequence[Entry]) -> str:
    bins = [entry.evaluation.result.scores[0].by_size for entry in entries]
    rows = [
        [f'{column[0].label} px', f'{column[0].targets:,}']
        + [_number(100 * each.pd) for each in column]
        for column in zip(*bins, strict=True)
    ]
    return _table(['area', 'targets', *(f'{entry.name}, %' for entry in entries)], rows)


def _picture(figure: Figure, caption: str) -> str:
    content = io.BytesIO()
    figure.savefig(content, format='png', dpi=110)
    return _image(content.getvalue(), caption)


def _image(png: bytes, caption: str) -> str:
    data = base64.b64encode(png).decode()
    text = escape(caption, quote=True)
    return (
        f'<figure><img src="data:image/png;base64,{data}" alt="{text}">'
        f'<figcaption>{text}</figcaption></figure>'
    )


def _gallery(entry: Entry, worst: int) -> str:
    shown = [image for image in entry.evaluation.worst[:worst] if badness(image.counts) > (0, 0)]
    pictures = [_image(_png(image), _caption(image)) for image in shown]
    summary = f'{entry.name}: {len(shown)} images'
    return (
        f'<details open><summary>{escape(summary)}</summary>'
        + (''.join(pictures) or '<p>Every image came out right.</p>')
        + '</details>'
    )


def _png(image: WorstImage) -> bytes:
    picture = draw_result(
        image.detection.image, image.truth, image.detection.mask, name=image.counts.name
    )
    return encode_image(picture[..., ::-1])


def _caption(image: WorstImage) -> str:
    found = next(iter(image.counts.matches.values()))
    _, distance = badness(image.counts)
    return (
        f'{image.counts.name}: {found.hits.count(False)} missed, {found.false_predictions} false '
        f'of {len(found.hits)} targets, IoU {100 * (1 - distance):.1f} %'
    )


def _network(entry: Entry) -> str:
    config = (
        f'<details><summary>config</summary><pre>{escape(entry.config)}</pre></details>'
        if entry.config
        else ''
    )
    return f'<h3>{escape(entry.name)}</h3>{_facts(entry.facts)}{config}'
