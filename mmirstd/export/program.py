"""Export a trained model as a ``torch.export`` program, and verify its results."""

from __future__ import annotations

import io
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from mmengine.logging import print_log

from mmirstd.export.errors import ExportError
from mmirstd.export.model import ExportModel
from mmirstd.export.onnx_file import DYNAMIC, MULTIPLE, TOLERANCE, check_image, dynamic_shapes
from mmirstd.inference.onnx_description import METADATA_KEY, Description
from mmirstd.io.outputs.atomic import atomic_buffer
from mmirstd.io.outputs.guard import check_output

_LONGEST = 300  # characters of a message of the exporter; some fill pages


def export_program(
    model: ExportModel,
    path: str | Path,
    description: Description,
    *,
    size: tuple[int, int] = (256, 256),
    dynamic: Sequence[str] = DYNAMIC,
) -> tuple[str, float]:
    """Write a ``.pt2`` file that ``torch.export.load`` reads without this package.

    The program maps images (N, C, H, W), BGR or gray in 0..255, to logits (N, 1, H, W). The
    description is stored in the file as the extra file ``mmirstd``.

    Args:
        model: The model to export.
        path: File to write, ``.pt2``.
        description: How images are prepared.
        size: (height, width) in pixels to export with.
        dynamic: Candidates out of `mmirstd.export.onnx_file.DYNAMIC`. The first one that the model
            allows is used; failed candidates are logged.

    Returns:
        Which candidate was used, and the largest deviation from PyTorch, relative to max(1,
        largest logit).

    Raises:
        ValueError: The name does not end in ``.pt2``.
        ExportError: No candidate in ``dynamic`` worked: the model cannot be exported, or the
            program gives other results.
        OSError: The file cannot be written; the message names it.
    """
    path = check_output(path)
    if path.suffix != '.pt2':
        raise ValueError(f'{path}: the name of a torch.export program ends in .pt2')
    failures = []
    with atomic_buffer(path) as buffer:
        for kind in dynamic:
            described = description
            if kind == 'multiple':
                described = replace(description, multiple=MULTIPLE)
            example = _images(1 if kind == 'none' else 2, size, description.channels)
            buffer.seek(0)
            buffer.truncate()
            try:
                worst = _write_and_compare(model, buffer, described, example, kind)
            except Exception as error:  # the exporter raises many types
                failures.append(f'{kind}: {" ".join(str(error).split())[:_LONGEST]}')
            else:
                if worst <= TOLERANCE:
                    return kind, worst
                failures.append(f'{kind}: it deviates from PyTorch by {worst:.2g}')
            print_log(
                f'export with dynamic={failures[-1]}', logger='current', level=logging.WARNING
            )
        raise ExportError(f'{path} was not written. ' + '; '.join(failures))


def _write_and_compare(
    model: ExportModel,
    file: io.BytesIO,
    description: Description,
    example: torch.Tensor,
    dynamic: str,
) -> float:
    with torch.no_grad():
        program = torch.export.export(
            model, (example,), dynamic_shapes=dynamic_shapes(dynamic), strict=False
        )
    torch.export.save(
        program, file, extra_files={METADATA_KEY: description.to_metadata()[METADATA_KEY]}
    )
    file.seek(0)
    loaded = torch.export.load(file).module()
    height, width = example.shape[-2:]
    other = {
        'size': (height + 33, width + 70),
        'multiple': (height + MULTIPLE, width + 3 * MULTIPLE),
    }.get(dynamic, (height, width))
    worst = 0.0
    for batch in (
        example,
        _images(1 if dynamic == 'none' else 3, other, description.channels, seed=100),
    ):
        with torch.no_grad():
            expected, given = model(batch), loaded(batch)
        scale = max(1.0, float(expected.abs().max()))
        worst = max(worst, float((given - expected).abs().max()) / scale)
    return worst


def _images(n: int, size: tuple[int, int], channels: int, seed: int = 0) -> torch.Tensor:
    batch = np.stack([check_image(*size, channels, seed + k) for k in range(n)])
    return torch.from_numpy(batch).permute(0, 3, 1, 2).contiguous()
