"""Frames of video files with all their bits, and a check for missing frames.

OpenCV decodes frames of 8 bits per value and gray frames of 16 bits. PyAV (the extra `video`)
decodes gray frames with other numbers of bits, which OpenCV would reduce to 8.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np

from mmirstd.io.images.limits import ImageReadError, check_decoded_size
from mmirstd.wording import format_count

# Turns off FFmpeg's messages; OpenCV reads the variable once, at the first video of the process.
os.environ.setdefault('OPENCV_FFMPEG_LOGLEVEL', '-8')

VIDEO_SUFFIXES = (
    '.3gp', '.avi', '.flv', '.m2ts', '.m4v', '.mkv', '.mov', '.mp4', '.mpeg', '.mpg', '.mts', '.ts',
    '.webm', '.wmv',
)  # fmt: skip
"""Suffixes of video files, in lower case."""

_EXACT = ('.avi', '.m4v', '.mov', '.mp4')
"""Containers that store the number of frames; for others OpenCV estimates it from the duration."""

_MOST_FAILURES = 64  # consecutive failures after which the rest of a file is given up

_GRAY = (b'Y1',)
_GRAY_16_LITTLE_ENDIAN = int.from_bytes(b'Y1\x00\x10', 'little')
_DEEP = (*_GRAY, b'Y2', b'Y3', b'Y4', b'G3', b'G4')  # raw formats whose codes contain the bits


def is_video(path: object) -> bool:
    """Whether ``path`` names a video file, by its suffix."""
    return isinstance(path, str | Path) and Path(path).suffix.lower() in VIDEO_SUFFIXES


class Video:
    """A video file.

    Args:
        path: The file.

    Attributes:
        path: The file.
        announced: Number of frames according to the file; None if it does not say.
        rate: Frames per second; None if the file does not say.
        is_exact: Whether ``announced`` is stored in the file, not estimated from its duration.
        reduced_from: Bits per value of colour frames that are reduced to 8 bits, else None.

    Raises:
        FileNotFoundError: There is no such file.
        ImportError: The frames need PyAV, which is not installed.
        ImageReadError: The file cannot be opened as a video, or its frames are above the limit of
            :mod:`mmirstd.io.images.limits`.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise FileNotFoundError(f'video file not found: {path}')
        capture = self._open()
        frames = capture.get(cv2.CAP_PROP_FRAME_COUNT)
        rate = capture.get(cv2.CAP_PROP_FPS)
        width = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH))
        height = int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
        self._format = int(capture.get(cv2.CAP_PROP_CODEC_PIXEL_FORMAT))
        capture.release()
        check_decoded_size(height, width, str(self.path), channels=3)
        self.announced = int(frames) if 0 < frames < 1e9 else None
        self.rate = rate if 0 < rate < 10_000 else None
        self.is_exact = self.path.suffix.lower() in _EXACT
        kind, bits = _deep_format(self._format)
        self._as_stored = self._format == _GRAY_16_LITTLE_ENDIAN
        self._use_av = kind in _GRAY and not self._as_stored
        self.reduced_from = bits if kind is not None and kind not in _GRAY else None
        if self._use_av:
            _import_av(self.path, bits)

    def frames(self) -> Iterator[tuple[int, np.ndarray]]:
        """Decode in order, and skip damaged frames.

        Yields:
            The number of a frame in the file, from 0, and the frame: BGR (H, W, 3) of uint8, or
            (H, W) of uint16.
        """
        return self._frames_of_av() if self._use_av else self._frames_of_opencv()

    def shortfall(self, decoded: int) -> str:
        """Message about missing frames when ``decoded`` could be read; '' if none are missing."""
        if decoded == 0:
            return f'{self.path}: no frame of the video can be decoded'
        if self.announced is None:
            return ''
        tolerated = 0 if self.is_exact else max(1, self.announced // 50)
        if decoded >= self.announced - tolerated:
            return ''
        return (
            f'{self.path}: {decoded} of {format_count(self.announced, "frame")} could be decoded; '
            'the file is damaged or incomplete'
        )

    def _open(self) -> cv2.VideoCapture:
        capture = cv2.VideoCapture(str(self.path))
        if not capture.isOpened():
            raise ImageReadError(f'{self.path}: OpenCV cannot open it as a video')
        return capture

    def _frames_of_opencv(self) -> Iterator[tuple[int, np.ndarray]]:
        capture = self._open()
        if self._as_stored:
            capture.set(cv2.CAP_PROP_CONVERT_RGB, 0)
        number = failures = 0
        try:
            while failures < _MOST_FAILURES:
                done, frame = capture.read()
                if not done:
                    failures += 1
                    if self.announced is None or number + failures > self.announced:
                        break
                    continue
                # Each failure before a good frame is one damaged frame.
                number, failures = number + failures, 0
                if self._as_stored and (frame.ndim != 2 or frame.dtype != np.uint16):
                    raise ImageReadError(f'{self.path}: OpenCV changes its 16-bit frames')
                yield number, frame
                number += 1
        finally:
            capture.release()

    def _frames_of_av(self) -> Iterator[tuple[int, np.ndarray]]:
        av = _import_av(self.path, 16)
        with av.open(str(self.path)) as container:
            stream = container.streams.video[0]
            number = 0
            for packet in container.demux(stream):
                try:
                    frames = packet.decode()
                except av.FFmpegError:
                    number += 1
                    continue
                for frame in frames:
                    image = frame.to_ndarray()
                    yield number, image.astype(image.dtype.newbyteorder('='), copy=False)
                    number += 1


def deinterlace(frame: np.ndarray) -> np.ndarray:
    """Replace the odd lines of an interlaced frame, which show another moment, by interpolation.

    Structures that are one line high and on an odd line are lost.

    Args:
        frame: (H, W) or (H, W, C), integer or float.

    Returns:
        A frame of the same shape and type.
    """
    result = frame.copy()
    odd, even = result[1::2], frame[::2]
    mean = (even[:-1].astype(np.float64) + even[1:]) / 2
    if frame.dtype.kind != 'f':
        mean = np.floor(mean + 0.5)
    odd[: len(mean)] = mean.astype(frame.dtype)
    odd[len(mean) :] = even[-1]  # a last line without a neighbour below
    return result


def count_combs(frame: np.ndarray) -> tuple[int, int]:
    """Count the pixels in alternating lines and, for comparison, in alternating columns.

    At the edges of moving objects, several odd lines of an interlaced frame differ from the even
    lines around them. Noise and point targets alternate equally often along both axes.

    Args:
        frame: (H, W) or (H, W, C).
    """
    gray = frame.max(axis=2) if frame.ndim == 3 else frame
    gray = gray.astype(np.float32)
    low, high = np.percentile(gray, (1, 99.9))
    step = max(0.1 * (high - low), 1e-6)
    return _combs(gray, step), _combs(gray.T, step)


def _combs(gray: np.ndarray, step: float) -> int:
    a, b, c, d, e = (gray[k : gray.shape[0] - 4 + k] for k in range(5))
    same = (np.abs(a - c) < step / 2) & (np.abs(c - e) < step / 2)
    up = (b - a > step) & (b - c > step) & (d - c > step) & (d - e > step)
    down = (a - b > step) & (c - b > step) & (c - d > step) & (e - d > step)
    return int(np.count_nonzero(same & (up | down)))


def _deep_format(code: int) -> tuple[bytes | None, int]:
    """Kind and bits per value of a raw pixel format of FFmpeg; kind None for 8 bits or unknown."""
    tag = (code & 0xFFFFFFFF).to_bytes(4, 'little')
    if tag[:3] in (b'RGB', b'BGR') and tag[3] in (48, 64):
        return tag[:3], 16
    for name, bits in ((tag[:2], tag[3]), (tag[:1:-1], tag[0])):  # little and big endian
        if name in _DEEP and 8 < bits <= 16:
            return name, bits
    return None, 8


def _import_av(path: Path, bits: int) -> ModuleType:
    try:
        import av
    except ImportError as error:
        raise ImportError(
            f'{path}: OpenCV would reduce its gray frames of {bits} bits to 8; PyAV reads them: '
            "pip install 'mmirstd[video]'"
        ) from error
    return av
