import struct

import cv2
import numpy as np
import pytest
from PIL import Image

from mmirstd.io.images.limits import ImageReadError
from mmirstd.io.images.masks import read_mask
from mmirstd.io.images.reading import read_image, read_size


@pytest.fixture
def gray():
    return np.random.default_rng(0).integers(0, 256, (12, 17), dtype=np.uint8)


@pytest.fixture
def deep():
    return np.random.default_rng(1).integers(0, 65536, (12, 17), dtype=np.uint16)


@pytest.mark.parametrize('suffix', ['.png', '.bmp', '.tif', '.npy', '.PNG'])
def test_8_bit_gray(tmp_path, gray, suffix):
    file = tmp_path / f'image{suffix}'
    np.save(file, gray) if suffix == '.npy' else Image.fromarray(gray).save(file)
    image = read_image(file)
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image, gray)


def test_palette_is_expanded_and_not_read_as_indices(tmp_path):
    indices = np.array([[0, 1], [2, 1]], np.uint8)
    image = Image.fromarray(indices, mode='P')
    image.putpalette([200, 200, 200, 10, 10, 10, 90, 80, 70])
    image.save(tmp_path / 'p.png')
    read = read_image(tmp_path / 'p.png')
    assert read[0, 0].tolist() == [200, 200, 200]
    assert read[1, 0].tolist() == [70, 80, 90]  # BGR


def test_alpha_is_dropped_without_mixing_colours(tmp_path):
    rgba = np.zeros((3, 4, 4), np.uint8)
    rgba[..., :3] = 10, 20, 30
    rgba[0, :, 3] = 255
    Image.fromarray(rgba, mode='RGBA').save(tmp_path / 'a.png')
    assert (read_image(tmp_path / 'a.png') == (30, 20, 10)).all()
    la = np.stack([np.full((3, 4), 7, np.uint8), np.zeros((3, 4), np.uint8)], axis=-1)
    Image.fromarray(la, mode='LA').save(tmp_path / 'la.png')
    assert (read_image(tmp_path / 'la.png') == 7).all()
    assert read_image(tmp_path / 'la.png').ndim == 2


@pytest.mark.parametrize('suffix', ['.png', '.tif'])
def test_16_bit_keeps_every_bit(tmp_path, deep, suffix):
    colour = np.stack([deep, deep // 2, deep // 3], axis=-1)  # Pillow would cut this to 8 bits
    rgba = np.concatenate([colour, np.full_like(deep, 65535)[..., None]], axis=-1)
    for name, array in (('gray', deep), ('colour', colour), ('rgba', rgba)):
        file = tmp_path / f'{name}{suffix}'
        assert cv2.imwrite(str(file), array)
        image = read_image(file)
        assert image.dtype == np.uint16
        np.testing.assert_array_equal(image, array[..., :3] if array.ndim == 3 else array)


@pytest.mark.parametrize('dtype', ['float32', 'float64', 'int16', 'uint32'])
def test_other_tiff_types_keep_their_values(tmp_path, deep, dtype):
    tifffile = pytest.importorskip('tifffile')
    values = (deep.astype(np.int64) - 32768 * (dtype == 'int16')).astype(dtype)
    tifffile.imwrite(tmp_path / 'a.tif', values)
    image = read_image(tmp_path / 'a.tif')
    assert image.dtype == values.dtype
    np.testing.assert_array_equal(image, values)


@pytest.mark.parametrize('dtype', ['float16', 'float32', 'int32', 'uint16', 'bool'])
def test_npy_keeps_its_type(tmp_path, deep, dtype):
    np.save(tmp_path / 'a.npy', (deep % 2000).astype(dtype))
    assert read_image(tmp_path / 'a.npy').dtype == dtype


def _png_chunk_cut(content):
    return content[: len(content) // 2]


def _one_bit_flipped(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 0x55]) + content[middle + 1 :]


@pytest.mark.parametrize('damage', [_png_chunk_cut, _one_bit_flipped, lambda _: b'not an image'])
@pytest.mark.parametrize('kind', ['gray8', 'gray16', 'colour16'])
def test_damaged_png_is_an_error_naming_it(tmp_path, gray, deep, damage, kind):
    array = {'gray8': gray, 'gray16': deep, 'colour16': np.stack([deep] * 3, -1)}[kind]
    file = tmp_path / 'broken.png'
    cv2.imwrite(str(file), array)
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(ImageReadError, match=r'broken\.png: cannot be decoded'):
        read_image(file)


@pytest.mark.parametrize('suffix', ['.bmp', '.tif', '.npy', '.jpg'])
def test_truncated_files_of_other_formats_are_errors_naming_them(tmp_path, gray, suffix):
    file = tmp_path / f'cut{suffix}'
    np.save(file, gray) if suffix == '.npy' else Image.fromarray(gray).save(file)
    file.write_bytes(file.read_bytes()[:-60])
    with pytest.raises(ImageReadError, match=r'cut\.'):
        read_image(file)


@pytest.mark.parametrize('suffix', ['.png', '.npy', '.tif'])
def test_empty_file_is_an_error_naming_it(tmp_path, suffix):
    file = tmp_path / f'empty{suffix}'
    file.touch()
    with pytest.raises(ImageReadError, match=r'empty\.\w+: the file is empty'):
        read_image(file)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'gone\.png'):
        read_image(tmp_path / 'gone.png')


@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf])
def test_non_finite_pixels_are_an_error_naming_the_file(tmp_path, value):
    image = np.zeros((4, 5), np.float32)
    image[1, 2] = value
    np.save(tmp_path / 'dead.npy', image)
    with pytest.raises(ImageReadError, match=r'dead\.npy: NaN or infinite: 1 of 20 pixel values'):
        read_image(tmp_path / 'dead.npy')


def test_stacks_and_several_pages_are_errors(tmp_path, gray):
    pages = [Image.fromarray(gray), Image.fromarray(gray)]
    pages[0].save(tmp_path / 'two.tif', save_all=True, append_images=pages[1:])
    with pytest.raises(ImageReadError, match=r'two\.tif.*2 pages'):
        read_image(tmp_path / 'two.tif')
    np.save(tmp_path / 'stack.npy', np.stack([gray] * 5))
    with pytest.raises(ImageReadError, match=r'stack\.npy.*\(5, 12, 17\)'):
        read_image(tmp_path / 'stack.npy')
    np.save(tmp_path / 'none.npy', np.zeros((0, 5), np.uint8))
    with pytest.raises(ImageReadError, match=r'none\.npy.*no pixels'):
        read_image(tmp_path / 'none.npy')


def test_npy_with_objects_or_text_is_refused(tmp_path):
    np.save(tmp_path / 'objects.npy', np.array([{}], object))
    with pytest.raises(ImageReadError, match=r'objects\.npy'):
        read_image(tmp_path / 'objects.npy')
    np.save(tmp_path / 'text.npy', np.array([['a', 'b']]))
    with pytest.raises(ImageReadError, match=r'text\.npy.*dtype'):
        read_image(tmp_path / 'text.npy')


def test_size_without_decoding(tmp_path, gray):
    Image.fromarray(gray).save(tmp_path / 'a.png')
    # A valid header is enough.
    (tmp_path / 'b.png').write_bytes((tmp_path / 'a.png').read_bytes()[:60])
    assert read_size(tmp_path / 'a.png') == read_size(tmp_path / 'b.png') == (12, 17)
    np.save(tmp_path / 'a.npy', gray)
    assert read_size(tmp_path / 'a.npy') == (12, 17)


def test_png_bit_depth_is_read_from_the_header(tmp_path, gray):
    Image.fromarray(gray).save(tmp_path / 'a.png')
    content = (tmp_path / 'a.png').read_bytes()
    assert struct.unpack('>IIB', content[16:25]) == (17, 12, 8)


def test_real_encodings(data_root):
    folder = data_root / 'layouts'
    shapes = {  # palette, RGBA, gray, RGB
        'sirst/images/Misc_138.png': (200, 256, 3),
        'sirst/images/Misc_10.png': (240, 320, 3),
        'sirst/images/Misc_1.png': (240, 320),
        'RDIAN/datasets/example/images/1(1).bmp': (480, 720, 3),
    }
    for name, shape in shapes.items():
        assert read_image(folder / name).shape == shape
    one_bit = read_mask(folder / 'MDvsFA_cGAN/data/test_gt/00000.png')
    assert set(np.unique(one_bit)) == {0, 1}
    grays = read_image(folder / 'IRSTD-1k/IRSTD1k_Label/XDU325.png')
    assert len(np.unique(grays)) > 2  # in-between grays, all of them target pixels
    mask = read_mask(folder / 'IRSTD-1k/IRSTD1k_Label/XDU325.png')
    assert mask.sum() == np.count_nonzero(grays) > np.count_nonzero(grays > 127)
