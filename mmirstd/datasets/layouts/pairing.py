"""Find the image and the mask of each name, in a list or in the image folder."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from mmirstd.datasets.layouts.declared import Section
from mmirstd.datasets.lists import find_name, without_suffix
from mmirstd.io.folders import image_files


@dataclass(frozen=True)
class Pair:
    """An image with its mask.

    Attributes:
        name: Stem of the image as listed, or relative to the image folder.
        image: Image file.
        mask: Mask file, None if there is none.
    """

    name: str
    image: Path
    mask: Path | None


@dataclass
class Pairing:
    """What was found for a list of names or a whole folder.

    Attributes:
        pairs: Complete pairs in the order of the list, or sorted by name.
        missing_images: Listed names without an image file.
        missing_masks: Images without a mask, in sections that have masks.
        orphan_masks: Mask files without an image; known only for whole folders.
    """

    pairs: list[Pair] = field(default_factory=list)
    missing_images: list[str] = field(default_factory=list)
    missing_masks: list[Pair] = field(default_factory=list)
    orphan_masks: list[Path] = field(default_factory=list)

    def remove(self, unwanted: Collection[str]) -> list[str]:
        """Remove the names in ``unwanted`` (stems) and return those that were found."""
        removed = []

        def keep(stem: str) -> bool:
            if stem in unwanted:
                removed.append(stem)
                return False
            return True

        self.pairs = [pair for pair in self.pairs if keep(pair.name)]
        self.missing_images = [name for name in self.missing_images if keep(without_suffix(name))]
        self.missing_masks = [pair for pair in self.missing_masks if keep(pair.name)]
        return removed


class FileIndex:
    """Image files below a folder by their relative path without suffix.

    Dot-files, ``__MACOSX`` folders and files of other kinds (.xml, .txt, ...) are left out; linked
    files and folders count.

    Args:
        folder: Folder to search with its sub-folders.
        suffix: Only stems that end in this.
        without: Not those whose stems end in this, '' for all.
    """

    def __init__(self, folder: Path, suffix: str = '', without: str = '') -> None:
        self.folder = folder
        self._files: dict[str, list[Path]] = {}
        for path in image_files(folder):
            stem = path.stem
            if not stem.endswith(suffix) or (without and stem.endswith(without)):
                continue
            key = path.relative_to(folder).with_suffix('').as_posix()
            self._files.setdefault(key, []).append(path)

    def stems(self) -> list[str]:
        """Relative paths without suffix, sorted."""
        return sorted(self._files)

    def by_stem(self, stem: str) -> Path | None:
        """Return the file with exactly this stem, None if there is none.

        Raises:
            ValueError: Several files fit.
        """
        return self._only(self._files.get(stem, []), stem)

    def find(self, name: str) -> Path | None:
        """Return the file that a list calls ``name``, None if there is none.

        Folders above the index's own may precede the name. Its suffix may be absent or another one,
        since repacks convert files without changing the lists.

        Raises:
            ValueError: Several files fit.
        """
        # A name without suffix may look like one: a.jpg of a.jpg.png.
        stems = [name] if name in self._files else []
        found = find_name(name, self._files)
        stems += [found] if found is not None and found not in stems else []
        return self._only([path for stem in stems for path in self._files[stem]], name)

    @staticmethod
    def _only(found: list[Path], name: str) -> Path | None:
        if len(found) > 1:
            exact = [path for path in found if path.name == PurePosixPath(name).name]
            if len(exact) != 1:
                files = ', '.join(str(path) for path in sorted(found))
                raise ValueError(
                    f'{name!r} is ambiguous: {files}. Remove all but one, or write the suffix in '
                    'the list.'
                )
            found = exact
        return found[0] if found else None


class _SectionFiles:
    """The files of one section."""

    def __init__(self, root: Path, section: Section) -> None:
        self.section = section
        same_folder = section.images == section.masks
        self.images = FileIndex(
            root / section.images,
            section.image_suffix,
            without=section.mask_suffix if same_folder else '',
        )
        self.masks = (
            None
            if section.masks is None
            else FileIndex(
                root / section.masks,
                section.mask_suffix,
                without=section.image_suffix if same_folder else '',
            )
        )

    def find_image(self, name: str) -> Path | None:
        stem = without_suffix(name)
        for pattern, replacement in self.section.renames:
            stem, changed = re.subn(f'^{pattern}$', replacement, stem)
            if changed:
                name = stem
        image = self.images.find(name)
        if image is None and self.section.image_suffix:
            image = self.images.find(stem + self.section.image_suffix)
        if image is None and self.section.mask_suffix and stem.endswith(self.section.mask_suffix):
            common = stem.removesuffix(self.section.mask_suffix)  # a list of the masks
            image = self.images.find(common + self.section.image_suffix)
        return image

    def mask_stem(self, image_stem: str) -> str:
        return image_stem.removesuffix(self.section.image_suffix) + self.section.mask_suffix

    def find_mask(self, image: Path) -> Path | None:
        stem = image.relative_to(self.images.folder).with_suffix('').as_posix()
        return self.masks.by_stem(self.mask_stem(stem))

    def orphans(self) -> list[Path]:
        if self.masks is None:
            return []
        expected = {self.mask_stem(stem) for stem in self.images.stems()}
        return [self.masks.by_stem(stem) for stem in self.masks.stems() if stem not in expected]


def _short_name(name: str, files: _SectionFiles, image: Path) -> str:
    """The listed name without suffix and without folders above the image folder."""
    stem = image.relative_to(files.images.folder).with_suffix('').as_posix()
    listed = without_suffix(name)
    return stem if listed.endswith(f'/{stem}') else listed


def _add(pairing: Pairing, files: _SectionFiles, name: str, image: Path) -> None:
    if files.masks is None:
        pairing.pairs.append(Pair(name, image, None))
        return
    pair = Pair(name, image, files.find_mask(image))
    (pairing.missing_masks if pair.mask is None else pairing.pairs).append(pair)


def pair_listed(root: str | Path, sections: Iterable[Section], names: Sequence[str]) -> Pairing:
    """Find the files of names from :func:`mmirstd.datasets.lists.read_list`, in their order.

    Raises:
        ValueError: A name fits several files.
    """
    sections_files = [_SectionFiles(Path(root), section) for section in sections]
    pairing = Pairing()
    listed: dict[Path, str] = {}
    for name in names:
        found = [(files, image) for files in sections_files if (image := files.find_image(name))]
        if len(found) > 1:
            images = ', '.join(str(image) for _, image in found)
            raise ValueError(
                f'{name!r} is ambiguous: {images}. Choose one of the folders by split.'
            )
        if not found:
            pairing.missing_images.append(name)
            continue
        ((files, image),) = found
        first = listed.setdefault(image, name)
        if first != name:
            raise ValueError(
                f'{first!r} and {name!r} are listed, but both mean {image}; an image listed twice '
                'would count twice in every metric'
            )
        _add(pairing, files, _short_name(name, files, image), image)
    return pairing


def pair_all(root: str | Path, sections: Iterable[Section]) -> Pairing:
    """Find all images of the sections with their masks, sorted by name within a section.

    Raises:
        ValueError: Two image files or two mask files have the same stem.
    """
    pairing = Pairing()
    for section in sections:
        files = _SectionFiles(Path(root), section)
        for stem in files.images.stems():
            _add(pairing, files, stem, files.images.by_stem(stem))
        pairing.orphan_masks += files.orphans()
    return pairing
