"""Detection with onnxruntime, without torch and MMSegmentation.

Needs ``numpy``, ``opencv-python-headless``, ``pillow``, ``scipy`` and ``onnxruntime``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from scipy.ndimage import map_coordinates

from mmirstd.datasets.intensity import scale_intensity, with_channels
from mmirstd.datasets.resampling import resize_image
from mmirstd.inference.detector import Detector, sigmoid
from mmirstd.inference.frames.steps import FrameSteps
from mmirstd.inference.onnx_description import Description
from mmirstd.inference.options import DetectorOptions
from mmirstd.io.hashing import sha256

if TYPE_CHECKING:
    from onnxruntime import InferenceSession


class OnnxDetector(Detector):
    """Detects small targets with a model exported by ``mmirstd export``.

    The results equal those of `mmirstd.apis.IRSTDInferencer` with the same weights, to float
    accuracy.

    Args:
        path: The ONNX file.
        options: Threshold, tiles, range of values and so on; None for those of the file.
        providers: onnxruntime's execution providers, best first.
        threads: Threads of one operator; 0 lets onnxruntime choose.
        **changes: Fields of `DetectorOptions` one by one, such as ``tile_size=256``.

    Raises:
        FileNotFoundError: The file does not exist.
        ImportError: onnxruntime is not installed.
        ValueError: The file is not a model exported by mmirstd.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        options: DetectorOptions | None = None,
        providers: Sequence[str] = ('CPUExecutionProvider',),
        threads: int = 0,
        **changes: Any,
    ) -> None:
        options = (options or DetectorOptions()).changed(changes, type(self).__name__)
        self.path = Path(path)
        self.session = _open(self.path, providers, threads)
        try:
            self.description = Description.from_metadata(
                self.session.get_modelmeta().custom_metadata_map
            )
            self._input = _only(self.session.get_inputs())
            _only(self.session.get_outputs())
        except ValueError as error:
            raise ValueError(f'{self.path}: {error}') from error
        own = DetectorOptions(
            threshold=self.description.threshold, intensity_range=self.description.intensity_range
        )
        super().__init__(options, own)

    def _own_fingerprint(self) -> object:
        return sha256(self.path)

    def scale(self, image: np.ndarray, name: str) -> np.ndarray:
        """Scale sensor values to the model's range as in training, for a whole frame."""
        about = self.description
        scaled = scale_intensity(
            image, self.intensity_range, percentiles=about.percentiles, source=name
        )
        return FrameSteps(about.channels, about.divide_by_maximum, about.standardize)(scaled, name)

    def input_size(self, image: np.ndarray) -> tuple[int, int]:
        """(height, width) at which the model sees a frame."""
        square = self.description.square
        return image.shape[:2] if square is None else (square, square)

    def predict(self, images: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Probability (H, W) of each image (H, W) or (H, W, 3) in 0..255."""
        size = images[0].shape[:2]
        batch = self.feed(images)[self._input.name]
        fixed = self._input.shape[0]
        step = fixed if isinstance(fixed, int) else len(batch)
        if step != 1 and len(batch) % step:
            raise ValueError(f'{self.path} takes batches of exactly {step}, got {len(batch)}')
        self._check_size(batch.shape[2:])
        logits = np.concatenate(
            [self._run(batch[start : start + step]) for start in range(0, len(batch), step)]
        )
        return [
            sigmoid(resize_bilinear(each[0], size, self.description.align_corners))
            for each in logits
        ]

    def feed(self, images: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        """The model's input (N, C, h, w) by name for images (H, W) or (H, W, 3) in 0..255."""
        batch = np.stack([self._prepare(image) for image in images])
        return {self._input.name: np.ascontiguousarray(batch.transpose(0, 3, 1, 2), np.float32)}

    def _run(self, batch: np.ndarray) -> np.ndarray:
        try:
            return self.session.run(None, {self._input.name: batch})[0]
        except Exception as error:  # onnxruntime's own exception types are not public
            raise ValueError(
                f'{self.path} failed on images of the shape {batch.shape}: {error}'
            ) from error

    def _prepare(self, image: np.ndarray) -> np.ndarray:
        image = with_channels(image, self.description.channels)
        square = self.description.square
        return image if square is None else resize_image(image, (square, square))

    def _check_size(self, size: tuple[int, int]) -> None:
        multiple = self.description.multiple
        if any(side % multiple for side in size):
            raise ValueError(
                f'{self.path} takes images whose sides are multiples of {multiple}, got '
                f'{size[0]} x {size[1]} (height x width). Use tiles of such a size, e.g. '
                f'tile_size={8 * multiple}.'
            )
        fixed = self._input.shape[2:]
        for given, wanted in zip(size, fixed, strict=True):
            if isinstance(wanted, int) and given != wanted:
                raise ValueError(
                    f'{self.path} takes images of {fixed[0]} x {fixed[1]} (height x width) only, '
                    f'got {size[0]} x {size[1]}. Use tile_size={fixed[1]}, or export with dynamic '
                    'size.'
                )


def resize_bilinear(
    values: np.ndarray, size: tuple[int, int], align_corners: bool = False
) -> np.ndarray:
    """Resize (h, w) to (H, W) as ``torch.nn.functional.interpolate(mode='bilinear')`` does."""
    if values.shape == tuple(size):
        return values
    if not align_corners:
        return cv2.resize(values, size[::-1], interpolation=cv2.INTER_LINEAR)
    corners = (np.linspace(0, old - 1, new) for old, new in zip(values.shape, size, strict=True))
    return map_coordinates(values, np.meshgrid(*corners, indexing='ij'), order=1, mode='nearest')


def _open(path: Path, providers: Sequence[str], threads: int) -> InferenceSession:
    try:
        import onnxruntime
    except ImportError as error:
        raise ImportError("onnxruntime is missing: pip install 'mmirstd[export]'") from error
    if not path.is_file():
        raise FileNotFoundError(f'ONNX file not found: {path}')
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3  # errors reach us as exceptions
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=list(providers))
    except Exception as error:  # onnxruntime's own exception types are not public
        raise ValueError(f'{path} is not a model that onnxruntime can run: {error}') from error


def _only(arguments: Sequence) -> Any:
    if len(arguments) != 1 or len(arguments[0].shape) != 4:
        shapes = [argument.shape for argument in arguments]
        raise ValueError(f'expected one input and one output (N, C, H, W), found {shapes}')
    return arguments[0]
