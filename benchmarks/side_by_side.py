"""An exported model and the same model in PyTorch, with the same images, ready to be timed.

Weights are random, and batch norms are as after training, so that merging them matters.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.benchmark import Measurement

from mmirstd.export.model import ExportModel, describe_model
from mmirstd.export.onnx_file import Check, check_image, export_onnx
from mmirstd.inference.configs import load_config, resize_to, without_pretrained
from mmirstd.inference.onnx_description import Description
from mmirstd.inference.onnx_detector import OnnxDetector
from mmirstd.inference.torch_detector import IRSTDInferencer


@dataclass(frozen=True)
class ExportedPair:
    """One model in PyTorch and onnxruntime.

    Attributes:
        name: Name of the config.
        model: The model in PyTorch.
        detector: The model in onnxruntime.
        images: Input (N, C, H, W) of both.
        dynamic: Dynamic dimensions of the file.
        checks: The comparisons that the export passed.
        spread: Standard deviation of the logits on ``images``; with 0, parity would mean nothing.
    """

    name: str
    model: nn.Module
    detector: OnnxDetector
    images: np.ndarray
    dynamic: str
    checks: tuple[Check, ...]
    spread: float

    def run_torch(self) -> None:
        """One run of PyTorch."""
        with torch.inference_mode():
            self.model(torch.from_numpy(self.images))

    def run_onnx(self) -> None:
        """One run of onnxruntime."""
        session = self.detector.session
        session.run(None, {session.get_inputs()[0].name: self.images})


def export_pair(
    name: str, folder: Path, *, size: int | None = None, dynamic: str = 'none', batch: int = 1
) -> ExportedPair:
    """Export a config with random weights.

    Args:
        name: Name of a config, or its path.
        folder: Folder of the file.
        size: Side of the images in pixels; None for that of the pipeline, or 256.
        dynamic: Dynamic dimensions of the file, one of `mmirstd.export.onnx_file.DYNAMIC`.
        batch: Batch size.

    Raises:
        FileNotFoundError: The config does not exist.
        ValueError: The model cannot be exported.
        ExportError: onnxruntime deviates from PyTorch.
    """
    torch.manual_seed(0)
    config = load_config(name)
    without_pretrained(config.get('model', {}))  # speed and parity do not need them
    if size is not None:
        resize_to(config, size)
    inferencer = IRSTDInferencer(config, fuse=False, untrained=True)
    randomise_norms(inferencer.model)
    description = describe_model(inferencer)
    sides = (size or description.square or 256,) * 2
    model = ExportModel(inferencer.model, description.channels)
    stem = Path(name).stem
    result = export_onnx(
        model,
        folder / f'{stem}.onnx',
        description,
        size=sides,
        dynamic=[dynamic],
        inferencer=inferencer,
    )
    images = example(description, sides, batch)
    with torch.inference_mode():
        spread = float(model(torch.from_numpy(images)).std())
    return ExportedPair(
        stem,
        model,
        OnnxDetector(result.path, threads=torch.get_num_threads()),
        images,
        result.dynamic,
        result.checks,
        spread,
    )


def randomise_norms(model: nn.Module) -> None:
    """Give batch norms statistics and weights as after training, in place."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d) and module.affine:
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 1.5)


def example(description: Description, size: tuple[int, int], batch: int) -> np.ndarray:
    """Images (N, C, H, W) to time with."""
    images = [check_image(*size, description.channels, 200 + k) for k in range(batch)]
    return np.ascontiguousarray(np.stack(images).transpose(0, 3, 1, 2))


def to_row(pair: ExportedPair, eager: Measurement, onnx: Measurement) -> dict[str, object]:
    """The reported numbers of one model."""
    inside = [check for check in pair.checks if check.logits is not None]
    whole = [check.probability for check in pair.checks if check.logits is None]
    return {
        'model': pair.name,
        'input': list(pair.images.shape),
        'open': pair.dynamic,
        'logit_spread': pair.spread,
        'logits': max(check.logits for check in inside),
        'probability': max(check.probability for check in inside),
        'whole_way': max(whole),
        'file_bytes': pair.detector.path.stat().st_size,
        'torch_s': eager.median,
        'torch_spread_s': eager.iqr / 2,
        'onnx_s': onnx.median,
        'onnx_spread_s': onnx.iqr / 2,
        'ratio': onnx.median / eager.median,
    }
