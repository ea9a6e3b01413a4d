"""Models in 8-bit integers, with their loss of accuracy and gain of speed.

Shapes: N images, C channels, H, W size of the input.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmirstd.evaluation.rates import Scores
from mmirstd.evaluation.scorer import Scorer
from mmirstd.export.errors import ExportError
from mmirstd.inference.detector import Detector
from mmirstd.inference.onnx_detector import OnnxDetector
from mmirstd.inference.sources import Source
from mmirstd.io.images.masks import read_mask
from mmirstd.io.outputs.atomic import atomic_path, free_space
from mmirstd.io.outputs.guard import check_output

METHODS = ('dynamic', 'static')
"""'dynamic' measures the range of activations while running and needs no images; 'static' fixes it
on calibration images, which is faster at run time."""

OPERATORS = ('Conv', 'Gemm', 'MatMul')
"""Quantised operators, which do nearly all of the arithmetic."""


def quantize(
    path: str | Path,
    output: str | Path,
    method: str = 'static',
    *,
    sources: Iterable[Source] = (),
    operators: Sequence[str] = OPERATORS,
) -> Path:
    """Write an 8-bit version of an exported model.

    Args:
        path: File written by `mmirstd.export.onnx_file.export_onnx`.
        output: File to write, ``.onnx``.
        method: One of `METHODS`.
        sources: Calibration images for 'static', prepared as for detection; some dozens of
            typical images.
        operators: ONNX operators to quantise.

    Returns:
        ``output``.

    Raises:
        ImportError: A package of the extra ``export`` is missing.
        ValueError: The method is unknown, or there are no calibration images.
        ExportError: The model cannot be quantised.
        OSError: The file cannot be written; the message names it.
    """
    path, output = Path(path), check_output(output, inputs=[path])
    if method not in METHODS:
        raise ValueError(f'method={method!r} must be one of {METHODS}')
    if output.suffix != '.onnx' or output == path:
        raise ValueError(f'{output}: give another name than {path}, ending in .onnx')
    try:
        import onnx
        from onnxruntime.quantization import QuantType, quantize_dynamic, quantize_static
    except ImportError as error:
        raise ImportError(
            f"quantisation needs the extra: pip install 'mmirstd[export]' ({error})"
        ) from error
    detector = OnnxDetector(path)
    common = {'op_types_to_quantize': list(operators), 'weight_type': QuantType.QInt8}
    reader = _Calibration(detector, sources)
    with atomic_path(output, keep_suffix=True) as partial:
        try:
            # A model instead of its path, next to which the quantiser would leave files.
            model = onnx.load(str(path))
            if method == 'dynamic':
                quantize_dynamic(model, str(partial), **common)
            else:
                quantize_static(model, str(partial), reader, per_channel=True, **common)
            _keep_description(path, partial)
            OnnxDetector(partial)  # loads, and still has its description
        except (OSError, ValueError):
            raise
        except Exception as error:  # onnxruntime and protobuf raise many types
            folder = Path(tempfile.gettempdir())
            raise ExportError(
                f'{output} was not written: {" ".join(str(error).split())[:500]}. The quantiser '
                f'writes to {folder}, too, where {free_space(folder / "x") / 1e6:.1f} MB are free'
            ) from error
    return output


class _Calibration:
    """Reader of calibration inputs for onnxruntime, one image at a time."""

    def __init__(self, detector: OnnxDetector, sources: Iterable[Source]) -> None:
        self.count = 0
        self._inputs = self._prepare_inputs(detector, sources)

    def get_next(self) -> dict[str, np.ndarray] | None:
        """The next input; None at the end."""
        batch = next(self._inputs, None)
        if batch is None and self.count == 0:
            raise ValueError('static quantisation needs calibration images')
        self.count += batch is not None
        return batch

    @staticmethod
    def _prepare_inputs(
        detector: OnnxDetector, sources: Iterable[Source]
    ) -> Iterator[dict[str, np.ndarray]]:
        for source in sources:
            scaled = detector.scale(source.read(), str(source))
            yield detector.feed([scaled])


def _keep_description(path: Path, quantized: Path) -> None:
    """Copy the metadata, because some versions of the quantiser drop it."""
    import onnx

    model = onnx.load(str(quantized))
    properties = {entry.key: entry.value for entry in onnx.load(str(path)).metadata_props}
    onnx.helper.set_model_props(
        model, {**{entry.key: entry.value for entry in model.metadata_props}, **properties}
    )
    onnx.save(model, str(quantized))


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two detectors on the same images.

    Attributes:
        images: Number of images.
        deviation: Largest difference of probabilities.
        mask_iou: IoU of the two sets of masks; 1 if both are empty.
        seconds: Median seconds per image of the first and the second detector.
        scores: Scores of both if ground truth is available, else None.
    """

    images: int
    deviation: float
    mask_iou: float
    seconds: tuple[float, float]
    scores: tuple[Scores, Scores] | None


def compare(
    first: Detector,
    second: Detector,
    sources: Sequence[Source],
    mask_folder: str | Path | None = None,
    *,
    matching: str = 'optimal',
) -> Comparison:
    """Run two detectors over the same images.

    Args:
        first: The reference for ``mask_iou``.
        second: The detector to compare.
        sources: Images.
        mask_folder: Folder with the ground truth, ``NAME.png`` for the image of that name.
        matching: Convention of Pd and Fa.

    Raises:
        FileNotFoundError: A mask is missing.
        ValueError: There is no image, or a mask does not have the size of its image.
    """
    if not sources:
        raise ValueError('there are no images to compare on')
    detectors = (first, second)
    first_image = sources[0]
    for detector in detectors:  # the first run allocates memory
        list(detector.stream([first_image]))
    seconds: tuple[list[float], list[float]] = ([], [])
    scorers = (Scorer([matching]), Scorer([matching]))
    deviation, shared, union = 0.0, 0, 0
    for source in sources:
        found = []
        for detector, times in zip(detectors, seconds, strict=True):
            start = time.perf_counter()
            found += list(detector.stream([source]))
            times.append(time.perf_counter() - start)
        a, b = found
        deviation = max(deviation, float(np.abs(a.probability - b.probability).max()))
        shared += int(np.count_nonzero(a.mask & b.mask))
        union += int(np.count_nonzero(a.mask | b.mask))
        if mask_folder is not None:
            gt_mask = read_mask(Path(mask_folder) / f'{source.name}.png')
            for detection, scorer in zip(found, scorers, strict=True):
                scorer.update(detection.mask, gt_mask, name=source.name)
    scores = None
    if mask_folder is not None:
        scores = tuple(scorer.compute().scores[0] for scorer in scorers)
    return Comparison(
        images=len(sources),
        deviation=deviation,
        mask_iou=shared / union if union else 1.0,
        seconds=(float(np.median(seconds[0])), float(np.median(seconds[1]))),
        scores=scores,
    )
