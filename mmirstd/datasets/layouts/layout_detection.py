"""Recognise the layout of a folder: a declared one, or folders with usual names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from mmirstd.datasets.layouts.declared import LAYOUTS, SPLIT_FOLDERS, Layout, Section
from mmirstd.io.folders import image_files, is_hidden
from mmirstd.wording import format_count

IMAGE_FOLDERS = (
    'images', 'image', 'imgs', 'img', 'jpegimages', 'img_dir', 'input', 'inputs', 'frames', 'ir',
    'infrared', 'thermal', 'original', 'src',
)  # fmt: skip
"""Usual names of image folders, in lower case; the first that exists is used."""

MASK_FOLDERS = (
    'masks', 'mask', 'labels', 'label', 'gt', 'gts', 'groundtruth', 'ground_truth', 'ann_dir',
    'segmentationclass', 'segmentation', 'segmentations', 'seg', 'annotations', 'annotation',
    'target', 'targets',
)  # fmt: skip
"""Usual names of mask folders, in lower case."""

_IMAGE_SUFFIXES = ('', '_img', '_image', '_ir', '_orig')
_LEAST_FIT = 0.8  # share of the masks that must have an image, for a suffix to be accepted
_LOOKED_AT = 200  # masks
_GENERIC = ('pairs', 'splits')  # declared layouts that say nothing about the names of masks


def detect_layout(root: str | Path) -> Layout:
    """Recognise the layout of the folder ``root``.

    Declared layouts come first, then folders whose names are usual for images and masks
    (`IMAGE_FOLDERS`, `MASK_FOLDERS`, in any case), below the root or below folders of splits. The
    suffix of the masks is derived from the names.

    Raises:
        FileNotFoundError: ``root`` does not exist.
        NotADirectoryError: ``root`` is a file.
        ValueError: The folder has none of the declared layouts; the message names its contents.
    """
    root = Path(root)
    if not root.exists():
        raise FileNotFoundError(
            f'dataset folder not found: {root.absolute()}. Put or link the dataset there, name its '
            'folder by data_root (--cfg-options test_dataloader.dataset.data_root=DIR), or for the '
            'configs of published datasets set MMIRSTD_DATA to the folder with all of them.'
        )
    if not root.is_dir():
        raise NotADirectoryError(f'a dataset is a folder, but {root} is a file')
    layout = _match(root)
    if layout is not None:
        return layout
    visible = sorted(path for path in root.iterdir() if not path.name.startswith('.'))
    inside = [path for path in visible if path.is_dir() and _match(path)]
    hint = f' Did you mean {inside[0]}?' if inside else ''
    found = ', '.join(path.name for path in visible[:10]) or 'nothing'
    expected = '\n'.join(f'  {layout.name}: {layout.contents}' for layout in LAYOUTS)
    raise ValueError(
        f'{root} has none of the known layouts.{hint} It contains: {found}. Known layouts:\n'
        f'{expected}\nFor other folders give image_dir and mask_dir.'
    )


def _match(root: Path) -> Layout | None:
    matching = [layout for layout in LAYOUTS if layout.sections_in(root)]
    labelled = [layout for layout in matching if any(section.masks for section in layout.sections)]
    for layout in labelled:
        if layout.name not in _GENERIC or any(
            section.masks is not None and _names_fit(root / section.images, root / section.masks)
            for section in layout.sections_in(root)
        ):
            return layout
    return _usual_folders(root) or next(iter(labelled or matching), None)


def _names_fit(image_dir: Path, mask_dir: Path) -> bool:
    images, masks = _stems(image_dir), _stems(mask_dir)
    return not images.isdisjoint(masks) or not images or not masks


def _usual_folders(root: Path) -> Layout | None:
    """A layout of folders with usual names, None if there are none."""
    sections = list(_sections(root))
    if not sections:
        return None
    first = sections[0]
    return Layout(
        'folders',
        tuple(sections),
        f'{_pattern(first.images, first.image_suffix)}, {_pattern(first.masks, first.mask_suffix)}'
        + (f' and {format_count(len(sections) - 1, "more folder")}' if len(sections) > 1 else ''),
    )


def _pattern(folder: str, suffix: str) -> str:
    return f'{folder}/X{suffix}.png'.removeprefix('/')


def _sections(root: Path) -> Iterator[Section]:
    images, masks = _image_and_mask_folder(root)
    if images is not None:
        splits = _split_folders(images).keys() & _split_folders(masks).keys()
        for split in sorted(splits):
            yield from _section(
                root, _split_folders(images)[split], _split_folders(masks)[split], split
            )
        if not splits:
            yield from _section(root, images, masks)
        return
    found = False
    for split, folder in sorted(_split_folders(root).items()):
        images, masks = _image_and_mask_folder(folder)
        if images is not None:
            found = True
            yield from _section(root, images, masks, split)
    if not found:
        yield from _one_folder(root)


def _section(root: Path, images: Path, masks: Path, name: str = '') -> Iterator[Section]:
    suffixes = find_suffixes(_stems(images), _stems(masks))
    if suffixes is not None:
        image_dir, mask_dir = (path.relative_to(root).as_posix() for path in (images, masks))
        yield Section(image_dir, mask_dir, *suffixes, name=name)


def _one_folder(root: Path) -> Iterator[Section]:
    """Images and masks in one folder, distinguished by the suffix of the masks."""
    stems = {path.stem for path in image_files(root, recursive=False)}
    suffixes = Counter(
        other.removeprefix(stem)
        for stem in stems
        for other in stems
        if other.startswith(stem) and other != stem and _is_mask_suffix(other.removeprefix(stem))
    )
    if suffixes:
        ((suffix, count),) = suffixes.most_common(1)
        if 2 * count == len(stems):
            yield Section('', '', '', suffix)


def _is_mask_suffix(suffix: str) -> bool:
    return suffix.lstrip('_- .').lower() in (*MASK_FOLDERS, 'pixels0')


def find_suffixes(images: Iterable[str], masks: Iterable[str]) -> tuple[str, str] | None:
    """Find the suffixes that follow the common part of the names of images and masks.

    Returns:
        Suffix of the images and suffix of the masks, such as ``('', '_mask')``; None if most masks
        fit no image.
    """
    masks = sorted(masks)[:_LOOKED_AT]
    if not masks:
        return None
    best: tuple[int, tuple[str, str]] = (0, ('', ''))
    for image_suffix in _IMAGE_SUFFIXES:
        known = {stem.removesuffix(image_suffix) for stem in images if stem.endswith(image_suffix)}
        for suffix, count in Counter(_rest(mask, known) for mask in masks).items():
            if suffix is not None and count > best[0]:
                best = count, (image_suffix, suffix)
    return best[1] if best[0] >= _LEAST_FIT * len(masks) else None


def _rest(mask: str, images: set[str]) -> str | None:
    """What ``mask`` has beyond the longest name of an image that it begins with."""
    return next((mask[end:] for end in range(len(mask), 0, -1) if mask[:end] in images), None)


def _image_and_mask_folder(folder: Path) -> tuple[Path, Path] | tuple[None, None]:
    known = _folders(folder)
    images = next((known[name] for name in IMAGE_FOLDERS if name in known), None)
    masks = next(
        (known[name] for name in MASK_FOLDERS if name in known and _stems(known[name])), None
    )
    return (images, masks) if images is not None and masks is not None else (None, None)


def _split_folders(folder: Path) -> dict[str, Path]:
    return {name: path for name, path in _folders(folder).items() if name in SPLIT_FOLDERS}


def _folders(folder: Path) -> dict[str, Path]:
    return {
        path.name.lower().replace('-', '_'): path
        for path in sorted(folder.iterdir())
        if path.is_dir() and not is_hidden(path.name)
    }


def _stems(folder: Path) -> set[str]:
    """Names of the image files below ``folder`` without file suffix."""
    return {path.relative_to(folder).with_suffix('').as_posix() for path in image_files(folder)}
