"""Small datasets in every layout, written by the tests themselves."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SHAPE = (18, 24)


def scene(number: int, shape: tuple[int, int] = SHAPE) -> tuple[np.ndarray, np.ndarray]:
    """Image and 0/255 mask; ``number`` (1..15) target pixels, so that pairs differ."""
    image = np.full(shape, 50 + number, np.uint8)
    mask = np.zeros(shape, np.uint8)
    mask[3, 2 : 2 + number] = 255
    image[mask > 0] = 240
    return image, mask


def save(path: Path, array: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)
    return path


def litter(folder: Path) -> None:
    """What unpacking and annotation tools leave behind."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / '.DS_Store').write_bytes(b'\0\0\0\1Bud1')
    (folder / 'Thumbs.db').write_bytes(b'\xd0\xcf')
    (folder / '.hidden.png').write_bytes(b'')
    (folder / '._X.png').write_bytes(b'\0\5\x16\7')
    (folder / 'X.xml').write_text('<annotation/>')
    (folder / 'readme.txt').write_text('hello')
    (folder / '__MACOSX').mkdir()
    (folder / '__MACOSX' / '._X.png').write_bytes(b'\0\5\x16\7')
    (folder / '__MACOSX' / 'Y.png').write_bytes(b'\0\5\x16\7')


@pytest.fixture
def write_pair() -> Callable[[Path, Path, int], None]:
    """Write image and mask number n to two paths."""

    def write(image: Path, mask: Path, number: int, shape: tuple[int, int] = SHAPE) -> None:
        for path, array in zip((image, mask), scene(number, shape), strict=True):
            save(path, array)

    return write


def _sirst(root: Path, write: Callable) -> list[str]:
    for number, name in enumerate(('Misc_1', 'Misc_2', 'Misc_10'), start=1):
        write(root / f'images/{name}.png', root / f'masks/{name}_pixels0.png', number)
    (root / 'idx_427').mkdir()
    (root / 'idx_427/test.txt').write_bytes(b'Misc_10\nMisc_1')
    return ['Misc_1', 'Misc_10', 'Misc_2']


def _pairs(root: Path, write: Callable) -> list[str]:
    for number, name in enumerate(('000001', '000002', '000010'), start=1):
        write(root / f'images/{name}.png', root / f'masks/{name}.png', number)
    for folder in ('50_50', 'img_idx'):
        (root / folder).mkdir()
    (root / '50_50/test.txt').write_bytes(b'000010\r\n000001\r\n')
    (root / 'img_idx/test_NAME.txt').write_bytes(b'000010.png\n000001.png\n')
    (root / 'test.txt').write_bytes(b'000010\n000001\n')
    return ['000001', '000002', '000010']


def _sirst_v2(root: Path, write: Callable) -> list[str]:
    for number, name in enumerate(('Misc_1', '20210725-S2-551'), start=1):
        write(root / f'mixed/{name}.png', root / f'annotations/masks/{name}_pixels0.png', number)
    (root / 'splits').mkdir()
    (root / 'splits/test_full.txt').write_bytes(b'Misc_1')
    return ['20210725-S2-551', 'Misc_1']


def _irstd1k(root: Path, write: Callable) -> list[str]:
    for number in (1, 2):
        name = f'XDU{number}.png'
        write(root / 'IRSTD1k_Img' / name, root / 'IRSTD1k_Label' / name, number)
    (root / 'test.txt').write_bytes(b'XDU2\n')
    return ['XDU1', 'XDU2']


def _mdfa(root: Path, write: Callable) -> list[str]:
    data = root / 'data'
    for number in (1, 2):
        stem = f'training/{number:06d}'
        write(data / f'{stem}_1.png', data / f'{stem}_2.png', number)
    write(data / 'test_org/00017.png', data / 'test_gt/00017.png', 3)
    return ['000001_1', '000002_1', '00017']


def _irdst(root: Path, write: Callable) -> list[str]:
    for number, name in enumerate(('44/1(814)', '44/1(815)', '7/1(814)'), start=1):
        write(root / f'real/images/{name}.bmp', root / f'real/masks/{name}.bmp', number)
    (root / 'test.txt').write_bytes(b'/44/1(815)\n/7/1(814)\n')
    return ['44/1(814)', '44/1(815)', '7/1(814)']


def _splits(root: Path, write: Callable) -> list[str]:
    for number, split in enumerate(('trainval', 'test'), start=1):
        write(root / split / 'images/X.png', root / split / 'masks/X.png', number)
    return ['X', 'X']


WRITERS = {
    'sirst': _sirst,
    'pairs': _pairs,
    'sirst_v2': _sirst_v2,
    'irstd1k': _irstd1k,
    'mdfa': _mdfa,
    'irdst': _irdst,
    'splits': _splits,
}


@pytest.fixture(params=list(WRITERS))
def any_layout(request, tmp_path, write_pair) -> tuple[str, Path, list[str]]:
    """Layout name, root folder with litter in every sub-folder, names of all images."""
    names = WRITERS[request.param](tmp_path, write_pair)
    for folder in [tmp_path, *(path for path in tmp_path.rglob('*') if path.is_dir())]:
        litter(folder)
    return request.param, tmp_path, names


@pytest.fixture
def write_layout(tmp_path, write_pair) -> Callable[[str], Path]:
    """Write a layout without litter and return its root."""

    def write(name: str, root: Path = tmp_path) -> Path:
        root.mkdir(exist_ok=True)
        WRITERS[name](root, write_pair)
        return root

    return write
