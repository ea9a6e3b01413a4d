"""Still images: files, folders, globs, lists, pages and arrays, one by one.

Nothing is decoded until :meth:`Source.read` is called.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from PIL import Image

from mmirstd.io.folders import IMAGE_SUFFIXES, image_files, is_hidden
from mmirstd.io.images.pillow import from_pillow
from mmirstd.io.images.reading import ImageSequence, check_pixels, read_image
from mmirstd.io.videos import is_video

Input: TypeAlias = str | Path | np.ndarray | Image.Image | Any
"""Path, array, Pillow image, or tensor."""

_PAGED_SUFFIXES = ('.tif', '.tiff')  # other known formats are not opened to count their pages


@dataclass(frozen=True)
class Source:
    """One image that can be read; it can be pickled, for instance for another process.

    Attributes:
        name: Unique name without suffix for written files, such as ``'night/0001'``.
        path: The file as it was found; None for an array.
        frame: Number of the frame or page within the file, from 0; None for a single image.
    """

    name: str
    path: Path | None
    frame: int | None
    _read: Callable[[], np.ndarray] = field(repr=False, compare=False)

    def read(self) -> np.ndarray:
        """Decode: (H, W) or BGR (H, W, 3), the file's own values and numeric type.

        Raises:
            FileNotFoundError: The file no longer exists.
            ValueError: The content is unusable; the message names the file.
        """
        return self._read()

    def __str__(self) -> str:
        place = self.name if self.path is None else str(self.path)
        return place if self.frame is None else f'{place} [frame {self.frame}]'


def find_sources(inputs: Input | Iterable[Input], *, recursive: bool = False) -> list[Source]:
    """List the still images of ``inputs``, in natural order of their names.

    Args:
        inputs: One or several of: an image file (a multi-page TIFF counts as a sequence; its
            overviews do not count), a folder, a glob pattern, an array (H, W), (H, W, 1) or BGR
            (H, W, 3), a batch of arrays (N, H, W, C), a Pillow image, a tensor as torchvision has
            it: (H, W), (1, H, W), RGB (3, H, W), or a batch of the latter two. Videos are read by
            :func:`video_frames`.
        recursive: Search folders with their sub-folders.

    Returns:
        Sources with unique names: the path of an image below the folder that was given, or its
        file name (of a pattern whose matches share file names: the path below their common
        folder); the suffix is kept where two images differ by nothing else.

    Raises:
        FileNotFoundError: A path does not exist, or a folder or pattern contains no image.
        ValueError: No input, or an input of an unknown kind.
    """
    if is_one_input(inputs):
        inputs = [inputs]
    found: list[tuple[str, Path | np.ndarray]] = []
    for entry in inputs:
        found += _expand(entry, recursive, len(found))
    if not found:
        raise ValueError('inputs is empty: give at least one image, folder, pattern or array')
    return _sources(found)


def is_one_input(inputs: object) -> bool:
    """Whether it is one input (of a kind that is known or not), and not several ones."""
    one = isinstance(inputs, str | bytes | bytearray | Path | np.ndarray | Image.Image)
    return one or _is_tensor(inputs) or not isinstance(inputs, Iterable)


def lazy_sources(inputs: Iterable[Source | Input]) -> Iterator[Source]:
    """The sources of inputs that come one by one, such as the frames of your own camera loop.

    Args:
        inputs: Sources, which stay as they are, or inputs of :func:`find_sources`. Each is
            expanded when it is its turn, so paths of equal names give sources of equal names.

    Raises:
        FileNotFoundError: A path does not exist.
        ValueError: An input is of an unknown kind.
    """
    count = 0
    for entry in inputs:
        if isinstance(entry, Source):
            yield entry
            continue
        found = _expand(entry, False, count)
        count += len(found)
        yield from _sources(found)


def sources_of_files(places: Iterable[tuple[str, str, int | None]]) -> list[Source]:
    """Sources from their descriptions, for instance in another process.

    Args:
        places: ``name``, ``path`` and ``frame`` of sources that :func:`find_sources` has found in
            files.
    """
    stacks: dict[str, _Stack] = {}
    sources = []
    for name, path, frame in places:
        if frame is None:
            sources.append(_image_source(name, Path(path)))
        else:
            stack = stacks.setdefault(path, _Stack(Path(path)))
            sources.append(_page_source(name, stack, frame))
    return sources


def _sources(found: list[tuple[str, Path | np.ndarray]]) -> list[Source]:
    sources: list[Source] = []
    for name, (_, content) in zip(_unique_names(found), found, strict=True):
        if isinstance(content, np.ndarray):
            sources.append(_array_source(name, content))
        else:
            sources += _file_sources(name, content)
    return _name_pages_apart(sources)


def _expand(entry: Input, recursive: bool, count: int) -> list[tuple[str, Path | np.ndarray]]:
    """(name with suffix, file or array) of all images that one input means."""
    if isinstance(entry, Image.Image):
        entry = from_pillow(entry).pixels
    elif _is_tensor(entry):
        entry = _from_tensor(entry)
    if isinstance(entry, np.ndarray):
        arrays = entry if entry.ndim == 4 else [entry]
        return [(f'array_{count + k:04d}', array) for k, array in enumerate(arrays)]
    if not isinstance(entry, str | Path):
        raise ValueError(
            f'input of type {type(entry).__name__}: give a path, a folder, a glob pattern, a '
            'Pillow image, a tensor, or a numpy array (H, W), (H, W, 3) or (N, H, W, C)'
        )
    path = Path(entry).expanduser()
    if path.is_dir():
        images = list(image_files(path, recursive=recursive))
        if not images:
            deeper = (
                '' if recursive else '; sub-folders are searched with --recursive (recursive=True)'
            )
            videos = sorted(file for file in path.iterdir() if is_video(file))
            if videos:
                deeper = f'; videos are processed one by one, for example {videos[0]}'
            raise FileNotFoundError(
                f'{path} contains no image ({", ".join(IMAGE_SUFFIXES)}){deeper}'
            )
        return _below(path, images)
    if path.is_file() or path.is_symlink():
        return [(path.name, path)]
    if glob.has_magic(str(entry)):
        matches = [Path(file) for file in glob.glob(_literal_start(path), recursive=True)]
        images = [file for file in matches if _is_image(file)]
        if not images:
            videos = sorted(file for file in matches if is_video(file))
            hint = f'; videos are processed one by one, for example {videos[0]}' if videos else ''
            raise FileNotFoundError(f'no image matches {entry}{hint}')
        if '**' in str(entry):
            images = _without_loops(images)
        if len({file.name.lower() for file in images}) == len(images):
            return _below(path, images, whole=False)
        return _below(Path(os.path.commonpath([file.parent for file in images])), images)
    raise FileNotFoundError(f'{entry}: no such file or folder')


def _literal_start(pattern: Path) -> str:
    """A pattern in which folders that exist mean themselves, such as ``night [1]/*.png``."""
    start = Path(pattern.anchor)
    for k, part in enumerate(pattern.parts[len(start.parts) :], start=len(start.parts)):
        if not (start / part).is_dir():
            return os.path.join(glob.escape(str(start)), *pattern.parts[k:])
        start /= part
    return glob.escape(str(start))


def _is_tensor(entry: object) -> bool:
    """Whether it is a tensor of PyTorch, which need not be installed."""
    return type(entry).__module__.partition('.')[0] == 'torch' and hasattr(entry, 'detach')


def _from_tensor(tensor: Any) -> np.ndarray:
    """Array (H, W), BGR (H, W, 3), or a batch (N, H, W, C) of a tensor with channels first."""
    if tensor.ndim not in (2, 3, 4) or (tensor.ndim > 2 and tensor.shape[-3] not in (1, 3)):
        raise ValueError(
            f'a tensor of shape {tuple(tensor.shape)} is not an image: expected (H, W), (1, H, W), '
            'RGB (3, H, W), or a batch (N, C, H, W)'
        )
    if str(tensor.dtype) == 'torch.bfloat16':
        tensor = tensor.float()
    array = tensor.detach().cpu().numpy()
    if array.ndim == 2:
        return array
    return np.moveaxis(array, -3, -1)[..., ::-1]


def _below(
    root: Path, images: list[Path], *, whole: bool = True
) -> list[tuple[str, Path | np.ndarray]]:
    """Images in natural order with their names: paths below ``root``, or bare file names."""
    images.sort(key=lambda file: _natural(str(file)))
    return [(file.relative_to(root).as_posix() if whole else file.name, file) for file in images]


def _without_loops(images: list[Path]) -> list[Path]:
    """Each file once, by its shortest path: ``**`` follows links to parent folders 40 times."""
    shortest: dict[str, Path] = {}
    for file in sorted(images, key=lambda file: (len(file.parts), str(file))):
        shortest.setdefault(os.path.realpath(file), file)
    return list(shortest.values())


def _is_image(file: Path) -> bool:
    """Whether a glob's ``file`` is an image; archives leave ``._x.png`` and ``__MACOSX``."""
    hidden = is_hidden(file.name) or '__MACOSX' in file.parts
    return not hidden and file.suffix.lower() in IMAGE_SUFFIXES and not file.is_dir()


def _natural(text: str) -> list:
    """Sort key by which frame_10 follows frame_9."""
    pieces = re.split(r'(\d+)', text)
    return [int(p) if k % 2 else p.lower() for k, p in enumerate(pieces)] + [text]


def _unique_names(found: list[tuple[str, Path | np.ndarray]]) -> list[str]:
    """Names without suffix; with suffix, or numbered, if they would not be unique."""
    stems = [re.sub(r'\.[A-Za-z]+$', '', name) for name, _ in found]
    taken: set[str] = set()
    names = []
    for stem, (full, _) in zip(stems, found, strict=True):
        choices = (stem, full, *(f'{full}-{k}' for k in range(2, len(found) + 2)))
        name = next(choice for choice in choices if choice.lower() not in taken)
        taken.add(name.lower())  # file systems may not tell a.png from A.png
        names.append(name)
    return names


def _name_pages_apart(sources: list[Source]) -> list[Source]:
    """Give pages the suffix of their file where an image is called like one of them."""
    images = {source.name.lower() for source in sources if source.frame is None}
    while True:
        pages = [source for source in sources if source.frame is not None]
        same = {source.path for source in pages if source.name.lower() in images}
        if not same:
            return sources
        sources = [
            _with_suffix(s) if s.frame is not None and s.path in same else s for s in sources
        ]


def _with_suffix(page: Source) -> Source:
    number = f'_{page.frame:06d}'
    return replace(page, name=page.name.removesuffix(number) + page.path.suffix + number)


def _array_source(name: str, array: np.ndarray) -> Source:
    return Source(name, None, None, partial(check_pixels, array, f'input {name}'))


def _file_sources(name: str, path: Path) -> list[Source]:
    pages = _page_count(path)
    if pages < 2:
        return [_image_source(name, path)]
    stack = _Stack(path)
    return [_page_source(f'{name}_{page:06d}', stack, page) for page in range(pages)]


def _image_source(name: str, path: Path) -> Source:
    return Source(name, path, None, partial(read_image, path))


def _page_source(name: str, stack: _Stack, page: int) -> Source:
    return Source(name, stack.path, page, partial(stack.read, page))


def _page_count(path: Path) -> int:
    suffix = path.suffix.lower()
    if suffix in IMAGE_SUFFIXES and suffix not in _PAGED_SUFFIXES:
        return 1
    try:
        sequence = ImageSequence(path)
    except (OSError, ValueError):  # reading will tell what is wrong
        return 1
    sequence.close()
    return len(sequence)


class _Stack:
    """Pages of a file that stays open from its first page to its last."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._sequence: ImageSequence | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Without the open file; a copy opens it again."""
        return {**self.__dict__, '_sequence': None}

    def read(self, page: int) -> np.ndarray:
        if self._sequence is None:
            self._sequence = ImageSequence(self.path)
        last = page == len(self._sequence) - 1
        try:
            return self._sequence.read(page)
        finally:
            if last:
                self._sequence.close()
                self._sequence = None
