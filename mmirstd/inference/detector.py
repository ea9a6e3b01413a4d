"""Base class of detectors: the steps from an image to targets that all runtimes share.

A subclass scales an image to the model's range of values and runs the model on a few images of one
size. Everything else (tiles, batches, broken files, targets) is implemented here. This module
imports neither torch nor MMSegmentation.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from itertools import groupby, islice
from numbers import Integral
from typing import Any

import cv2
import numpy as np

from mmirstd.datasets.intensity import IntensityRange, IntensityRangeError
from mmirstd.inference.frames.augmentation import predict_mirrored
from mmirstd.inference.frames.first_frame import tell_about
from mmirstd.inference.frames.tiling import Tiling, predict_tiled
from mmirstd.inference.options import DetectorOptions
from mmirstd.inference.results import Detection
from mmirstd.inference.sources import (
    Input,
    LiveSources,
    Source,
    find_sources,
    is_one_input,
    lazy_sources,
    video_frames,
)
from mmirstd.io.hashing import digest_of
from mmirstd.io.live import is_live, live_name
from mmirstd.io.videos import is_video

OnError = str | Callable[[Source, Exception], None]
"""'raise', or a function that receives an unusable image, which is then left out."""

READ_ERRORS = (OSError, ValueError, MemoryError, cv2.error)
"""What an unusable image can raise while it is read or brought into range."""


class Detector(ABC):
    """Detects small targets in images of any size.

    Args:
        options: Options of the user.
        own: Threshold and range of values of the model, used if ``options`` do not set them.

    Attributes:
        options: The current options; change them with :meth:`with_options`.

    Raises:
        ValueError: An option is out of range.
    """

    def __init__(self, options: DetectorOptions, own: DetectorOptions) -> None:
        self.options = options.completed(own)
        self._own_options = own
        self._told: set[str] = set()

    def with_options(self, **changes: Any) -> Detector:
        """The same model with other fields of `DetectorOptions`; nothing is loaded again.

        None for ``threshold`` or ``intensity_range`` restores that of the model.

        Raises:
            TypeError: An option is unknown.
            ValueError: A value is out of range.
        """
        other = copy.copy(self)
        options = self.options.changed(changes, type(self).__name__)
        Detector.__init__(other, options, self._own_options)
        return other

    @property
    def threshold(self) -> float:
        """A pixel is a target if its probability exceeds this."""
        return self.options.threshold  # type: ignore[return-value]  # `completed` has set it

    @property
    def tiling(self) -> Tiling | None:
        """How frames larger than a tile are cut; None if the model gets whole frames."""
        return self.options.tiling

    @property
    def tta(self) -> bool:
        """Whether probabilities are averaged over the image and its mirror images."""
        return self.options.tta

    @property
    def intensity_range(self) -> IntensityRange:
        """Sensor values that become 0 and 255, see `scale_intensity`."""
        return self.options.intensity_range  # type: ignore[return-value]  # so has it this

    def fingerprint(self) -> str:
        """Digest of everything that the results depend on: model, weights and options.

        Detectors of the same class with equal fingerprints give the same results.
        """
        return digest_of([type(self).__name__, asdict(self.options), self._own_fingerprint()])

    def _own_fingerprint(self) -> object:
        """Plain values that identify the model and its weights."""
        return None

    @abstractmethod
    def scale(self, image: np.ndarray, name: str) -> np.ndarray:
        """Scale sensor values (H, W) or BGR (H, W, 3) to 0..255 without changing the shape.

        Raises:
            ValueError: The numeric type needs an explicit range; the message has ``name``.
        """

    def input_size(self, image: np.ndarray) -> tuple[int, int]:
        """(height, width) at which the model sees a frame (H, W) or BGR (H, W, 3) in 0..255."""
        return image.shape[:2]

    @abstractmethod
    def predict(self, images: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Run the model.

        Args:
            images: Images of one size, (H, W) or BGR (H, W, 3), 0..255.

        Returns:
            Probability (H, W), float32, of each image.
        """

    def __call__(
        self,
        inputs: Input | Iterable[Input],
        *,
        batch_size: int = 1,
        recursive: bool = False,
        on_error: OnError = 'raise',
    ) -> list[Detection]:
        """Detect targets in all ``inputs``; :meth:`stream` keeps only one batch in memory.

        Args:
            inputs: Inputs of :func:`mmirstd.inference.sources.find_sources`, or video files.
            batch_size: Images, or tiles of one image, per batch of the model.
            recursive: Search folders with their sub-folders.
            on_error: 'raise', or a function ``(source, error)`` that receives every unusable
                image, which is then left out. A range of values that does not suit the type of the
                first image is always raised.

        Returns:
            One detection per usable image, in the order of the inputs.

        Raises:
            FileNotFoundError: An input does not exist, whatever ``on_error`` says.
            ValueError: An image is unusable and ``on_error`` is 'raise'.
        """
        sources = self.sources(inputs, recursive=recursive)
        return list(self.stream(sources, batch_size=batch_size, on_error=on_error))

    @staticmethod
    def sources(
        inputs: Input | Iterable[Input], *, recursive: bool = False, deinterlaced: bool = False
    ) -> Iterable[Source]:
        """The images of ``inputs``; a single video file becomes its frames, in order.

        The index of a camera, the URL of a stream or a GStreamer pipeline becomes
        `mmirstd.inference.sources.LiveSources`.

        Args:
            inputs: As for :meth:`__call__`.
            recursive: Search folders with their sub-folders.
            deinterlaced: Replace the odd lines of video frames by the mean of their neighbours.
        """
        if is_live(inputs):
            return LiveSources(inputs, deinterlaced=deinterlaced)
        if is_video(inputs):
            return video_frames(inputs, deinterlaced=deinterlaced)
        if not is_one_input(inputs) and isinstance(inputs, Sequence):
            videos = [entry for entry in inputs if is_video(entry) or is_live(entry)]
            if videos:
                name = live_name(videos[0]) if is_live(videos[0]) else videos[0]
                raise ValueError(f'{name}: give a video or a stream alone, not in a list')
        return find_sources(inputs, recursive=recursive)

    def stream(
        self,
        sources: Input | Iterable[Source | Input],
        *,
        batch_size: int = 1,
        on_error: OnError = 'raise',
        strict_range: bool = True,
    ) -> Iterator[Detection]:
        """Detect targets image by image.

        The first image is checked for unsuitable options: a frame that is shrunk so much
        that targets vanish, values that use a small part of the range, colours. Each is logged
        once as a warning.

        Args:
            sources: Inputs as for :meth:`__call__`, or images from :meth:`sources`. An iterator is
                asked for one image at a time, so it may never end.
            batch_size: Images of equal size, or tiles, per batch of the model. Batches depend on
                the positions of the sources, so an unusable image makes its batch smaller and does
                not change the others.
            on_error: As for :meth:`__call__`.
            strict_range: Raise an error for a range of values that does not suit the first image,
                whatever ``on_error`` is.

        Yields:
            Detections in the order of the sources.
        """
        if not isinstance(batch_size, Integral) or batch_size < 1:
            raise ValueError(f'batch_size={batch_size!r} must be a whole number of at least 1')
        if on_error != 'raise' and not callable(on_error):
            raise ValueError(f"on_error={on_error!r} must be 'raise' or a function")
        images = self._readable(self._sources_of(sources), on_error, strict_range)
        for batch in _batches(images, batch_size):
            probabilities = self._probabilities([scaled for _, _, scaled in batch], batch_size)
            for (source, image, _), probability in zip(batch, probabilities, strict=True):
                yield Detection.from_probability(source, image, probability, self.threshold)

    def _sources_of(self, inputs: Input | Iterable[Source | Input]) -> Iterable[Source]:
        """The sources that :meth:`stream` was given, or those of its inputs."""
        if isinstance(inputs, LiveSources):
            return inputs
        if is_one_input(inputs):
            return self.sources(inputs)
        if isinstance(inputs, Sequence) and not any(isinstance(e, Source) for e in inputs):
            return self.sources(inputs)
        return lazy_sources(inputs)

    def _probabilities(self, images: list[np.ndarray], batch_size: int) -> list[np.ndarray]:
        """Probability of each image; frames larger than a tile in tiles, others in batches."""
        tiling, predict = self.tiling, self.predict
        if self.tta:
            predict = partial(predict_mirrored, predict=self.predict)
        result: list[np.ndarray] = []
        for _, group in groupby(images, key=lambda image: image.shape):
            same = list(group)
            if tiling is None or tiling.covers(same[0].shape):
                result += predict(same)
            else:
                result += [
                    predict_tiled(image, predict, tiling, batch_size=batch_size) for image in same
                ]
        return result

    def _readable(
        self, sources: Iterable[Source], on_error: OnError, strict_range: bool
    ) -> Iterator[tuple[Source, np.ndarray, np.ndarray] | None]:
        """Source, image as read and image in 0..255 of every source; None for an unusable one."""
        is_first = True
        for source in sources:
            try:
                image = source.read()
                scaled = self.scale(image, str(source))
            except READ_ERRORS as error:
                # An option that does not suit the first image is unlikely to suit any other.
                unfit = is_first and strict_range and isinstance(error, IntensityRangeError)
                if not callable(on_error) or unfit:
                    raise
                on_error(source, error)
                yield None
                continue
            if is_first:
                is_first = False
                is_tiled = self.tiling is not None and not self.tiling.covers(scaled.shape)
                tell_about(
                    image,
                    str(source),
                    input_size=None if is_tiled else self.input_size(scaled),
                    intensity_range=self.intensity_range,
                    told=self._told,
                )
            yield source, image, scaled


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """Logistic function without overflow, float32."""
    half = np.tanh(logits.astype(np.float32) / 2)
    return (half + 1) / 2


def _batches(items: Iterable, size: int) -> Iterator[list]:
    """Batches of ``size`` consecutive items, without those that are None."""
    rest = iter(items)
    while group := list(islice(rest, size)):
        if batch := [item for item in group if item is not None]:
            yield batch
