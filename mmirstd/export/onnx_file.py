"""Export a trained model to an ONNX file, and verify that it gives the same results.

The file gets its name only after onnxruntime has reproduced the outputs of PyTorch.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from mmengine.logging import print_log
from torch import nn

from mmirstd.export.errors import ExportError
from mmirstd.export.model import ExportModel
from mmirstd.inference.onnx_description import Description
from mmirstd.inference.onnx_detector import OnnxDetector
from mmirstd.inference.torch_detector import IRSTDInferencer
from mmirstd.io.outputs.atomic import atomic_path
from mmirstd.io.outputs.guard import check_output
from mmirstd.models.layers.deformable_conv import DeformableConv

TOLERANCE = 1e-4
"""Largest deviation of probabilities, and of logits relative to the largest logit (at least 1)."""

DYNAMIC = ('size', 'multiple', 'batch', 'none')
"""Dynamic dimensions of a file: batch and image size, the same with sides that are multiples of
`MULTIPLE`, only the batch, or none (batches of one)."""

MULTIPLE = 32
"""Sides must be multiples of this in models whose strides have to divide the image."""

MIN_SIDE, MAX_SIDE = 64, 8192
"""Range of image sides, in pixels, for which a model with dynamic size is exported."""


@dataclass(frozen=True, slots=True)
class Check:
    """One comparison of onnxruntime with PyTorch.

    Attributes:
        shape: (N, C, H, W) of the input, or (N, H, W) of the images for the complete chain.
        logits: Largest deviation of logits relative to max(1, largest logit); None for a check
            of the complete chain from image to probability.
        probability: Largest deviation of probabilities.
    """

    shape: tuple[int, ...]
    logits: float | None
    probability: float

    @property
    def worst(self) -> float:
        """The larger deviation."""
        return max(self.logits or 0.0, self.probability)


@dataclass(frozen=True, slots=True)
class Exported:
    """A finished export.

    Attributes:
        path: The ONNX file.
        dynamic: One of `DYNAMIC`.
        checks: The comparisons that it passed.
    """

    path: Path
    dynamic: str
    checks: tuple[Check, ...]


def export_onnx(
    model: ExportModel,
    path: str | Path,
    description: Description,
    *,
    size: tuple[int, int] = (256, 256),
    dynamic: Sequence[str] = DYNAMIC,
    inferencer: IRSTDInferencer | None = None,
    opset: int | None = None,
) -> Exported:
    """Export a model and verify the file.

    Args:
        model: The model to export.
        path: File to write, ``.onnx``.
        description: Stored in the file; see `describe_model`.
        size: (height, width) in pixels of the images to export with; the only size if it is not
            dynamic.
        dynamic: Candidates out of `DYNAMIC`. The first one that the model allows is used; failed
            candidates are logged.
        inferencer: If given, the complete chain from image to probability is also compared with it.
        opset: ONNX operator set; None for 18, or for 19 with deformable convolutions, which it
            introduced (onnxruntime 1.23 cannot run them, 1.32 can).

    Raises:
        ValueError: An argument is out of range.
        ImportError: A package of the extra ``export`` is missing.
        ExportError: No candidate in ``dynamic`` worked.
        OSError: The file cannot be written; the message names it.
    """
    path = check_output(path)
    _check_arguments(path, size, dynamic)
    failures = []
    if opset is None:
        deformable = any(isinstance(module, DeformableConv) for module in model.modules())
        opset = 19 if deformable else 18
    with atomic_path(path, keep_suffix=True) as partial:
        for kind in dynamic:
            try:
                described = description
                if kind == 'multiple':
                    described = replace(description, multiple=MULTIPLE)
                _write(model, partial, described, size, kind, opset)
                checks = verify(model, partial, size, kind, inferencer)
            except ExportError as error:
                failures.append(f'{kind}: {error}')
                print_log(
                    f'export with dynamic={kind!r} failed: {error}',
                    logger='current',
                    level=logging.WARNING,
                )
                continue
            return Exported(path, kind, checks)
        raise ExportError(f'{path} was not written. ' + '; '.join(failures))


def verify(
    model: nn.Module,
    path: str | Path,
    size: tuple[int, int],
    dynamic: str,
    inferencer: IRSTDInferencer | None = None,
) -> tuple[Check, ...]:
    """Compare an ONNX file with PyTorch.

    Args:
        model: The model that was exported.
        path: The file.
        size: Size with which it was exported.
        dynamic: Dynamic dimensions of the file; other sizes and batches than the exported ones are
            tested accordingly.
        inferencer: If given, also compare the complete chain from image to probability, including
            merged convolutions and resizing.

    Returns:
        The comparisons, all within `TOLERANCE`.

    Raises:
        ExportError: A comparison exceeds `TOLERANCE`.
    """
    detector = OnnxDetector(path)
    channels = detector.description.channels
    (height, width), name = size, detector.session.get_inputs()[0].name
    shapes = [(1, height, width)] if dynamic == 'none' else [(n, height, width) for n in (2, 1, 3)]
    if dynamic == 'size':
        shapes += [(1, MIN_SIDE, MIN_SIDE), (2, height + 33, width + 70)]
    if dynamic == 'multiple':
        shapes += [(1, MIN_SIDE, MIN_SIDE), (2, height + MULTIPLE, width + 3 * MULTIPLE)]
    checks = []
    for n, h, w in shapes:
        # Other images than those of the export, so that frozen values are noticed.
        images = np.stack([check_image(h, w, channels, 100 + k) for k in range(n)])
        batch = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
        with torch.inference_mode():
            expected = model(torch.from_numpy(batch)).numpy()
        try:
            given = detector.session.run(None, {name: batch})[0]
        except Exception as error:  # onnxruntime's own exception types are not public
            raise ExportError(f'onnxruntime fails on {batch.shape}: {error}') from error
        checks.append(_compare(batch.shape, given, expected))
    if inferencer is not None:
        free = detector.description.square is not None or dynamic == 'size'
        for n, h, w in [(2, height, width)] + [(2, height // 2 + 41, width + 19)] * free:
            frames = [check_image(h, w, channels, seed)[..., 0].copy() for seed in range(n)]
            pairs = zip(inferencer.predict(frames), detector.predict(frames), strict=True)
            worst = max(float(np.abs(a - b).max()) for a, b in pairs)
            checks.append(Check((n, h, w), None, worst))
    for check in checks:
        if not check.worst <= TOLERANCE:  # NaN fails too
            raise ExportError(
                f'onnxruntime deviates from PyTorch by {check.worst:.2g} on {check.shape}, more '
                f'than {TOLERANCE:g}'
            )
    return tuple(checks)


def check_image(height: int, width: int, channels: int, seed: int) -> np.ndarray:
    """A noisy gray ramp with bright spots, (H, W, channels) float32 in 0..255."""
    random = np.random.default_rng(seed)
    low, high = random.uniform(10, 60), random.uniform(70, 140)
    image = np.linspace(low, high, width) + random.normal(0, 8, (height, width))
    for y, x in zip(random.integers(0, height, 5), random.integers(0, width, 5), strict=True):
        image[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2] += 120
    gray = np.clip(image, 0, 255).astype(np.float32)
    return np.repeat(gray[..., None], channels, axis=2)


def _compare(shape: tuple[int, ...], given: np.ndarray, expected: np.ndarray) -> Check:
    if given.shape != expected.shape:
        raise ExportError(f'onnxruntime returns {given.shape}, PyTorch {expected.shape}')
    scale = max(1.0, float(np.abs(expected).max()))
    given, expected = given.astype(np.float64), expected.astype(np.float64)
    logits = float(np.abs(given - expected).max()) / scale
    probability = np.abs(np.tanh(given / 2) - np.tanh(expected / 2)).max() / 2
    return Check(tuple(shape), logits, float(probability))


def _write(
    model: nn.Module,
    path: Path,
    description: Description,
    size: tuple[int, int],
    dynamic: str,
    opset: int,
) -> None:
    try:
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise ImportError("onnxscript is missing: pip install 'mmirstd[export]'") from error
    count = 1 if dynamic == 'none' else 2  # torch.export treats 1 as a constant
    example = torch.from_numpy(
        np.stack([check_image(*size, description.channels, seed) for seed in range(count)])
    )
    example = example.permute(0, 3, 1, 2).contiguous()
    try:
        with torch.no_grad():
            program = torch.onnx.export(
                model,
                (example,),
                dynamo=True,
                dynamic_shapes=dynamic_shapes(dynamic),
                input_names=['images'],
                output_names=['logits'],
                opset_version=opset,
                verbose=False,
            )
    except Exception as error:  # the exporter raises many types
        raise ExportError(' '.join(str(error).split())[:500]) from error
    program.model.metadata_props.update(description.to_metadata())
    program.save(str(path))


def dynamic_shapes(dynamic: str) -> tuple[dict] | None:
    """The dynamic dimensions of (N, C, H, W) for ``torch.export``."""
    if dynamic == 'none':
        return None
    axes = {0: torch.export.Dim('n', min=1, max=1024)}
    if dynamic == 'size':
        axes[2] = torch.export.Dim('height', min=MIN_SIDE, max=MAX_SIDE)
        axes[3] = torch.export.Dim('width', min=MIN_SIDE, max=MAX_SIDE)
    if dynamic == 'multiple':
        for axis, name in ((2, 'rows'), (3, 'columns')):
            blocks = torch.export.Dim(name, min=MIN_SIDE // MULTIPLE, max=MAX_SIDE // MULTIPLE)
            axes[axis] = MULTIPLE * blocks
    return (axes,)


def _check_arguments(path: Path, size: tuple[int, int], dynamic: Sequence[str]) -> None:
    if path.suffix != '.onnx':
        raise ValueError(f'{path}: the name of an ONNX file ends in .onnx')
    if not dynamic or set(dynamic) - set(DYNAMIC):
        raise ValueError(f'dynamic={tuple(dynamic)} must be among {DYNAMIC}')
    if min(size) < MIN_SIDE or max(size) > MAX_SIDE:
        raise ValueError(f'size={size} must be {MIN_SIDE} to {MAX_SIDE} pixels')
    if 'multiple' in dynamic and any(side % MULTIPLE for side in size):
        raise ValueError(
            f"size={size} must be multiples of {MULTIPLE}, or leave 'multiple' out of dynamic"
        )
