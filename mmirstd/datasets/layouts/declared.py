"""How the files of each distribution of an infrared small-target dataset are arranged.

A layout declares, relative to the root folder, where images and masks are and how the name of a
mask follows from the name of its image. To support another distribution, add an entry to
``LAYOUTS``; nothing else is needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from mmirstd.io.folders import image_files
from mmirstd.renamed import accept_old_arguments

SPLIT_FOLDERS = (
    'train', 'training', 'val', 'valid', 'validation', 'trainval', 'test', 'testing',
)  # fmt: skip
"""Sub-folders with these names are splits."""


@accept_old_arguments(image_tail='image_suffix', mask_tail='mask_suffix')
@dataclass(frozen=True)
class Section:
    """One folder of images with its folder of masks.

    Attributes:
        images: Image folder below the root; '' is the root itself.
        masks: Mask folder below the root, None where images come without masks.
        image_suffix: What the stem of an image adds to the common name.
        mask_suffix: What the stem of a mask adds to the common name.
        name: The split that the section is, '' if it is none.
        renames: (pattern, replacement) for listed names whose files have other names here.
    """

    images: str
    masks: str | None
    image_suffix: str = ''
    mask_suffix: str = ''
    name: str = ''
    renames: tuple[tuple[str, str], ...] = ()

    def exists(self, root: Path) -> bool:
        """Whether ``root`` has the section's folders with files of the declared names."""
        if not (root / self.images).is_dir():
            return False
        if self.masks is None:
            return any(True for _ in _image_files(root / self.images, self.image_suffix))
        if not (root / self.masks).is_dir():
            return False
        suffixes = (self.masks, self.mask_suffix), (self.images, self.image_suffix)
        return all(
            any(True for _ in _image_files(root / at, suffix)) for at, suffix in suffixes if suffix
        )


def _image_files(folder: Path, suffix: str) -> Iterator[Path]:
    return (path for path in image_files(folder, recursive=False) if path.stem.endswith(suffix))


@dataclass(frozen=True)
class Layout:
    """A declared arrangement of files.

    Attributes:
        name: What configs call it.
        sections: The folders; those that exist below a root are used.
        contents: Contents of the root, for messages.
        dataset: Key of the only dataset with this layout, None if there are several.
        per_split: ``sections`` are repeated below every sub-folder named in ``SPLIT_FOLDERS``.
    """

    name: str
    sections: tuple[Section, ...]
    contents: str
    dataset: str | None = None
    per_split: bool = False

    def sections_in(self, root: Path) -> tuple[Section, ...]:
        """Return the sections that exist below ``root``."""
        if not self.per_split:
            return tuple(section for section in self.sections if section.exists(root))
        return tuple(
            replace(section, images=f'{split}/{section.images}', masks=f'{split}/{section.masks}',
                    name=split)
            for split in SPLIT_FOLDERS
            for section in self.sections
            if section.exists(root / split)
        )  # fmt: skip


_MDFA_TEST = {
    'name': 'test',
    # The lists of the DNANet repack number the test images on from the 10 000 training images.
    'renames': ((r'01(\d{4})_1', r'0\1'),),
}

LAYOUTS = (
    Layout(
        'irstd1k',
        (Section('IRSTD1k_Img', 'IRSTD1k_Label'),),
        'IRSTD1k_Img/X.png, IRSTD1k_Label/X.png',
        dataset='irstd1k',
    ),
    Layout(
        'sirst_v2',
        (Section('mixed', 'annotations/masks', mask_suffix='_pixels0'),),
        'mixed/X.png, annotations/masks/X_pixels0.png',
        dataset='sirst_v2',
    ),
    Layout(
        'mdfa',
        (
            Section('data/training', 'data/training', '_1', '_2', name='train'),
            Section('data/test_org', 'data/test_gt', **_MDFA_TEST),
            Section('training', 'training', '_1', '_2', name='train'),
            Section('test_org', 'test_gt', **_MDFA_TEST),
        ),
        'data/training/X_1.png with mask X_2.png, data/test_org/X.png with data/test_gt/X.png',
        dataset='mdfa',
    ),
    Layout(
        'irdst',
        (
            Section('real/images', 'real/masks', name='real'),
            Section('simulation/images', 'simulation/masks', name='simulation'),
        ),
        'real/images/N/X.bmp, real/masks/N/X.bmp (and simulation/...)',
        dataset='irdst',
    ),
    Layout(
        'sirst',
        (Section('images', 'masks', mask_suffix='_pixels0'),),
        'images/X.png, masks/X_pixels0.png',
        dataset='sirst',
    ),
    Layout('pairs', (Section('images', 'masks'),), 'images/X.png, masks/X.png'),
    Layout(
        'splits',
        (Section('images', 'masks'),),
        '{train,val,test,...}/images/X.png, {train,val,test,...}/masks/X.png',
        per_split=True,
    ),
    Layout('images', (Section('images', None),), 'images/X.png without masks, for inference'),
    Layout('flat', (Section('', None),), 'X.png without masks in the root, for inference'),
)
"""All declared layouts. The first that matches a root is used, so special ones come first."""


@accept_old_arguments(image_tail='image_suffix', mask_tail='mask_suffix')
def custom_layout(
    image_dir: str, mask_dir: str | None, *, image_suffix: str = '', mask_suffix: str = ''
) -> Layout:
    """Declare a layout for your own two folders; see :class:`Section` for the arguments.

    Raises:
        ValueError: Both folders are the same one but nothing distinguishes masks from images.
    """
    if image_dir == mask_dir and image_suffix == mask_suffix:
        raise ValueError(
            f'images and masks are in the same folder {image_dir!r}: give image_suffix or '
            'mask_suffix, the suffixes that distinguish them'
        )
    section = Section(image_dir, mask_dir, image_suffix, mask_suffix)
    return Layout('own folders', (section,), f'images in {image_dir}, masks in {mask_dir}')


def get_layout(name: str) -> Layout:
    """Return the declared layout called ``name``.

    Raises:
        ValueError: There is none; the message lists the declared ones.
    """
    known = {layout.name: layout for layout in LAYOUTS}
    if name not in known:
        names = ', '.join(map(repr, known))
        raise ValueError(f"no layout is called {name!r}. Known layouts: 'auto', {names}")
    return known[name]
