"""Which files a dataset consists of: folder + split + exclusions -> pairs of image and mask.

Only this module decides which missing files are tolerated: those that
:mod:`mmirstd.datasets.catalog` declares, and others on request, never silently.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from mmirstd.datasets.catalog import Dataset, find_dataset, get_dataset
from mmirstd.datasets.layouts import Layout, Section, custom_layout, get_layout
from mmirstd.datasets.layouts.layout_detection import detect_layout
from mmirstd.datasets.layouts.pairing import Pairing, pair_all, pair_listed
from mmirstd.datasets.lists import LIST_SUFFIXES, find_name, read_list, without_suffix
from mmirstd.datasets.resampling import Size
from mmirstd.datasets.splits import canonical_split_name, load_split, split_names
from mmirstd.io.images.reading import read_size
from mmirstd.renamed import accept_old_arguments
from mmirstd.wording import format_count, list_some


@dataclass
class Selection(Pairing):
    """The files of a dataset and how they were chosen.

    Attributes:
        root: Folder of the dataset.
        layout: Recognised or given layout.
        dataset: Recognised or given dataset, None if unknown.
        split: The requested split, None for all images.
        damaged: Names left out because the dataset declares their files damaged.
        excluded: Names left out on request.
        mismatched_masks: Name -> shape of the mask, for pairs declared to differ in size that do.
        warnings: What the user should know.
    """

    root: Path = field(kw_only=True)
    layout: Layout = field(kw_only=True)
    dataset: Dataset | None = field(kw_only=True)
    split: str | None = field(kw_only=True)
    damaged: list[str] = field(default_factory=list)
    excluded: list[str] = field(default_factory=list)
    mismatched_masks: dict[str, Size] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def summary(self) -> str:
        """One line about the selection for the log."""
        parts = [
            f'{format_count(len(self.pairs), "image")} of {self.split or "all"} in {self.root}',
            f'layout {self.layout.name!r}',
        ]
        if self.dataset is not None:
            parts.append(f'dataset {self.dataset.title}')
        if self.damaged:
            parts.append(f'{format_count(len(self.damaged), "image")} left out as declared damaged')
        if self.excluded:
            parts.append(f'{len(self.excluded)} excluded')
        return ', '.join(parts)


@accept_old_arguments(image_tail='image_suffix', mask_tail='mask_suffix')
def select_pairs(
    root: str | Path,
    split: str | None = None,
    *,
    layout: str = 'auto',
    dataset: str | None = None,
    image_dir: str | None = None,
    mask_dir: str | None = None,
    image_suffix: str = '',
    mask_suffix: str = '',
    exclude: Sequence[str] | str | None = None,
    missing: str = 'error',
) -> Selection:
    """Find the images and masks of a dataset.

    The arguments are those of :class:`mmirstd.IRSTDDataset`. ``missing='report'`` also leaves files
    out, without a warning; the caller reads ``missing_images`` and ``missing_masks``.

    Raises:
        FileNotFoundError: The folder, the list or listed files do not exist.
        ValueError: An argument is unknown, names are ambiguous or nothing is left.
    """
    if missing not in ('error', 'drop', 'report'):
        raise ValueError(f"missing must be 'error' or 'drop', got {missing!r}")
    root = Path(root)
    resolved = _resolve_layout(root, layout, image_dir, mask_dir, image_suffix, mask_suffix)
    sections = resolved.sections_in(root)
    if not sections:
        raise ValueError(f'{root} does not have the layout {resolved.name!r}: {resolved.contents}')
    names, sections = _find_names(root, split, sections)
    pairing = pair_all(root, sections) if names is None else pair_listed(root, sections, names)
    selection = Selection(
        **vars(pairing),
        root=root,
        layout=resolved,
        dataset=_recognise(root, split, resolved, dataset),
        split=split,
    )
    if selection.dataset is not None:
        selection.damaged = selection.remove(selection.dataset.damaged)
    if exclude is not None:
        _exclude(selection, exclude)
    if missing != 'report':
        _judge_missing(selection, drop=missing == 'drop')
        if not selection.pairs:
            folders = ', '.join(str(root / section.images) for section in sections)
            raise ValueError(f'no image is left of {split or "all images"} in {folders}')
    _note_mismatched_masks(selection)
    return selection


def _resolve_layout(
    root: Path,
    layout: str,
    image_dir: str | None,
    mask_dir: str | None,
    image_suffix: str,
    mask_suffix: str,
) -> Layout:
    if image_dir is None:
        if mask_dir is not None or image_suffix or mask_suffix:
            raise ValueError('mask_dir, image_suffix and mask_suffix need image_dir')
        return detect_layout(root) if layout == 'auto' else get_layout(layout)
    if layout != 'auto':
        raise ValueError(f'give either layout={layout!r} or image_dir={image_dir!r}, not both')
    for folder in (image_dir, mask_dir):
        if folder is not None and not (root / folder).is_dir():
            raise FileNotFoundError(f'folder not found: {root / folder}')
    return custom_layout(image_dir, mask_dir, image_suffix=image_suffix, mask_suffix=mask_suffix)


def _find_names(
    root: Path, split: str | None, sections: tuple[Section, ...]
) -> tuple[list[str] | None, tuple[Section, ...]]:
    """Names of the split, None for whole folders, and the sections to look in."""
    if split is None:
        return None, sections
    named = tuple(section for section in sections if section.name == split)
    if named:
        return None, named
    for path in (root / split, Path(split)):
        if path.is_file():
            return read_list(path), sections
    if split.endswith(LIST_SUFFIXES):
        raise FileNotFoundError(
            f'list of images not found: neither {root / split} nor {Path(split).absolute()}'
        )
    if canonical_split_name(split) is not None:
        return list(load_split(split).names), sections
    below = tuple(
        replace(
            section,
            images=PurePosixPath(section.images, split).as_posix(),
            masks=PurePosixPath(section.masks, split).as_posix(),
        )
        for section in sections
        if section.masks is not None
        and all((root / at / split).is_dir() for at in (section.images, section.masks))
        and '..' not in Path(split).parts
    )
    if below:
        return None, below
    folders = [section.name for section in sections if section.name]
    files = [*sorted(root.glob('*.txt')), *sorted(root.glob('*/*.txt'))]
    lists = [str(path.relative_to(root)) for path in files]
    raise ValueError(
        f'split {split!r} is unknown. Folders of {root}: {", ".join(folders) or "none"}. Lists in '
        f'it: {", ".join(lists[:30]) or "none"}. Published lists: {", ".join(split_names())}'
    )


def _recognise(
    root: Path, split: str | None, layout: Layout, dataset: str | None
) -> Dataset | None:
    if dataset is not None:
        return get_dataset(dataset)
    canonical = canonical_split_name(split) if split is not None else None
    if canonical is not None:
        return get_dataset(canonical.partition('/')[0])
    return get_dataset(layout.dataset) if layout.dataset else find_dataset(root.resolve().name)


def _exclude(selection: Selection, exclude: Sequence[str] | str) -> None:
    names = read_list(exclude) if isinstance(exclude, str) else exclude
    known = {pair.name for pair in (*selection.pairs, *selection.missing_masks)}
    unwanted = {find_name(name, known) or without_suffix(name) for name in names}
    selection.excluded = selection.remove(unwanted)
    unknown = sorted(unwanted - set(selection.excluded))
    if unknown:
        selection.warnings.append(
            f'{format_count(len(unknown), "name")} to exclude not in '
            f'{selection.split or "the folder"}: {list_some(unknown)}'
        )


def _judge_missing(selection: Selection, *, drop: bool) -> None:
    problems = []
    if selection.missing_images:
        problems.append(
            f'{format_count(len(selection.missing_images), "image")} listed by {selection.split!r} '
            f'missing in {selection.root} (layout {selection.layout.name!r}: '
            f'{selection.layout.contents}): {list_some(selection.missing_images)}'
        )
    if selection.missing_masks:
        without = list_some([pair.image for pair in selection.missing_masks])
        problems.append(
            f'{format_count(len(selection.missing_masks), "image")} without a mask in '
            f'{selection.root} (layout {selection.layout.name!r}: {selection.layout.contents}): '
            f'{without}. If the masks have other names, give image_dir, mask_dir and mask_suffix'
        )
    if problems and not drop:
        raise FileNotFoundError(
            '; '.join(problems) + ". Complete the files, or set missing='drop' to leave them out."
        )
    selection.warnings += [f'left out: {problem}' for problem in problems]
    if selection.orphan_masks:
        selection.warnings.append(
            f'{format_count(len(selection.orphan_masks), "mask")} without an image: '
            f'{list_some(selection.orphan_masks)}'
        )


def _note_mismatched_masks(selection: Selection) -> None:
    declared = selection.dataset.mismatched_masks if selection.dataset else {}
    for pair in selection.pairs:
        if pair.name not in declared or pair.mask is None:
            continue
        shapes = read_size(pair.image), read_size(pair.mask)
        if shapes == declared[pair.name]:
            selection.mismatched_masks[pair.name] = shapes[1]
            (height, width), (mask_height, mask_width) = shapes
            selection.warnings.append(
                f'mask {pair.mask} is {mask_height} x {mask_width} but its image is {height} x '
                f'{width}, as published; it is resized to the image (nearest pixels)'
            )
