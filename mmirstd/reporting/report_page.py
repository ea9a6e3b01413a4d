"""An HTML page about the evaluation of one or several models.

The page is one file with all pictures and without scripts.
"""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from jinja2 import Environment, PackageLoader, StrictUndefined
from matplotlib.figure import Figure

from mmirstd.evaluation.output import draw_curves
from mmirstd.io.images.writing import encode_image
from mmirstd.reporting.report import Evaluation, WorstImage, error_rank
from mmirstd.visualization.canvas import COLOUR_NAMES
from mmirstd.visualization.overlay import draw_result
from mmirstd.wording import format_count

_ROWS = (
    ('IoU', 'IoU, %'), ('nIoU', 'nIoU, %'), ('Pd', 'Pd, %'), ('Fa', 'Fa, 1e-6'),
    ('Pd_legacy', 'Pd (legacy matching), %'), ('Fa_legacy', 'Fa (legacy matching), 1e-6'),
    ('Precision', 'pixel precision, %'), ('Recall', 'pixel recall, %'), ('F1', 'pixel F1, %'),
    ('target_Precision', 'target precision, %'), ('target_F1', 'target F1, %'),
    ('targets', 'targets'), ('hits', 'detected targets'),
    ('false_predictions', 'false targets'), ('false_pixels', 'false pixels'),
)  # fmt: skip


@dataclass(frozen=True)
class EvaluatedModel:
    """One evaluated model.

    Attributes:
        name: Name on the page.
        evaluation: Its results.
        facts: Label -> text: files, checksums, threshold, tiles.
        config: The full config as text; empty if there is none.
    """

    name: str
    evaluation: Evaluation
    facts: Mapping[str, str] = field(default_factory=dict)
    config: str = ''


def build_page(
    title: str, entries: Sequence[EvaluatedModel], facts: Mapping[str, str], *, worst: int = 12
) -> str:
    """The HTML text of the page.

    Args:
        title: Heading.
        entries: The models, evaluated on the same images.
        facts: Label -> text about images, versions and machine.
        worst: Number of pictures in the gallery of each model.

    Raises:
        ValueError: There is no model, two have the same name, or their images differ.
    """
    names = [entry.name for entry in entries]
    if not entries or len(set(names)) != len(names):
        raise ValueError(f'names={names}: give at least one model, each with its own name')
    images = [[counts.name for counts in entry.evaluation.result.images] for entry in entries]
    if any(each != images[0] for each in images):
        raise ValueError('the models were evaluated on different images')
    results = {entry.name: entry.evaluation.result for entry in entries}
    curves = {name: (each.pixel_curve, each.target_curve) for name, each in results.items()}
    environment = Environment(
        loader=PackageLoader('mmirstd.reporting', ''),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template('report.html.jinja').render(
        title=title,
        facts=facts,
        colours=COLOUR_NAMES,
        results=_results(entries),
        sizes=_sizes(entries),
        curves=_figure_as_png(draw_curves(curves, 4.2)),
        dark_curves=_figure_as_png(draw_curves(curves, 4.2, dark=True)),
        models=[(entry, _gallery(entry, worst)) for entry in entries],
    )


def _number(value: float) -> str:
    if isinstance(value, int):
        return f'{value:,}'
    return 'undefined' if math.isnan(value) else f'{value:.2f}'


def _results(entries: Sequence[EvaluatedModel]) -> dict[str, list]:
    numbers = [entry.evaluation.result.numbers() for entry in entries]
    rows = [[label, *(_number(each[key]) for each in numbers)] for key, label in _ROWS]
    for label, attribute in (('ROC AUC', 'roc_auc'), ('average precision', 'average_precision')):
        curves = [entry.evaluation.result.pixel_curve for entry in entries]
        values = [f'{getattr(curve, attribute):.4f}' for curve in curves]
        rows.append([f'{label} ({format_count(curves[0].bins, "bin")})', *values])
    return {'header': ['', *(entry.name for entry in entries)], 'rows': rows}


def _sizes(entries: Sequence[EvaluatedModel]) -> dict[str, list]:
    bins = [entry.evaluation.result.scores[0].by_size for entry in entries]
    rows = [
        [f'{column[0].label} px', f'{column[0].targets:,}']
        + [_number(100 * each.pd) for each in column]
        for column in zip(*bins, strict=True)
    ]
    return {'header': ['area', 'targets', *(f'{entry.name}, %' for entry in entries)], 'rows': rows}


def _figure_as_png(figure: Figure) -> str:
    content = io.BytesIO()
    figure.savefig(content, format='png', dpi=110)
    return _base64(content.getvalue())


def _gallery(entry: EvaluatedModel, worst: int) -> list[dict[str, str]]:
    shown = [image for image in entry.evaluation.worst[:worst] if error_rank(image.counts) > (0, 0)]
    return [{'png': _draw_as_png(image), 'caption': _caption(image)} for image in shown]


def _base64(png: bytes) -> str:
    return base64.b64encode(png).decode()


def _draw_as_png(image: WorstImage) -> str:
    found = image.detection
    picture = draw_result(found.image, image.gt_mask, found.mask, name=image.counts.name)
    return _base64(encode_image(picture[..., ::-1]))


def _caption(image: WorstImage) -> str:
    found = next(iter(image.counts.matches.values()))
    _, distance = error_rank(image.counts)
    return (
        f'{image.counts.name}: {found.hits.count(False)} missed, {found.false_predictions} false '
        f'of {format_count(len(found.hits), "target")}, IoU {100 * (1 - distance):.1f} %'
    )
