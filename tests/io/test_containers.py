"""What a file says beside its numbers is applied, or the file is refused by name."""

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from mmirstd.inference.sources import find_sources
from mmirstd.io.images import tiff
from mmirstd.io.images.limits import ImageReadError
from mmirstd.io.images.reading import read_image, read_size


@pytest.fixture
def deep():
    return np.random.default_rng(1).integers(0, 65536, (12, 17), dtype=np.uint16)


STORED = {  # orientation -> how an upright picture is stored under it
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, 1),
    7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
    8: lambda a: np.rot90(a, -1),
}


@pytest.mark.parametrize('orientation', STORED)
@pytest.mark.parametrize('name', ['a.png', 'deep.png', 'colour16.png', 'a.tif', 'lzw.tif', 'a.jpg'])
def test_exif_orientation_is_applied(tmp_path, deep, orientation, name):
    shown = deep if name in ('deep.png', 'a.tif', 'lzw.tif') else (deep >> 8).astype(np.uint8)
    if name == 'colour16.png':
        shown = np.stack([deep, deep // 2, deep // 3], -1)
    stored = np.ascontiguousarray(STORED[orientation](shown))
    file = tmp_path / name
    exif = Image.Exif()
    exif[0x0112] = orientation
    if name.endswith('.tif'):
        compression = 'tiff_lzw' if name == 'lzw.tif' else None
        Image.fromarray(stored).save(file, exif=exif, compression=compression)
    elif name == 'colour16.png':  # Pillow writes no such file: put its EXIF into OpenCV's
        chunk = _chunk(b'eXIf', exif.tobytes().removeprefix(b'Exif\0\0'))
        data = cv2.imencode('.png', stored)[1].tobytes()
        file.write_bytes(data[:33] + chunk + data[33:])
    else:
        Image.fromarray(stored).save(file, exif=exif, quality=100)
    read = read_image(file)
    assert read.shape == shown.shape
    if name.endswith('.jpg'):
        assert np.abs(read.astype(int) - shown).max() < 30  # losses of JPEG
    else:
        np.testing.assert_array_equal(read, shown)
    assert read_size(file) == shown.shape[:2]


def _chunk(kind, content):
    import zlib

    size, check = len(content), zlib.crc32(kind + content)
    return size.to_bytes(4, 'big') + kind + content + check.to_bytes(4, 'big')


@pytest.mark.parametrize('dtype', ['int8', 'uint8', 'int16', 'uint32', 'float32', 'float64'])
def test_samples_keep_their_type(tmp_path, deep, dtype):
    values = (deep % 256 - (128 if dtype.startswith('int') else 0)).astype(dtype)
    tifffile.imwrite(tmp_path / 'a.tif', values, photometric='minisblack', compression='zlib')
    image = read_image(tmp_path / 'a.tif')
    assert image.dtype == dtype
    np.testing.assert_array_equal(image, values)


@pytest.mark.parametrize('compression', [None, 'zlib'])
@pytest.mark.parametrize('dtype', ['uint8', 'uint16'])
def test_planes_become_pixels(tmp_path, deep, dtype, compression):
    rgb = np.stack([deep, deep // 2, deep // 3]).astype(dtype)
    options = {'photometric': 'rgb', 'planarconfig': 'separate', 'compression': compression}
    tifffile.imwrite(tmp_path / 'a.tif', rgb, **options)
    np.testing.assert_array_equal(read_image(tmp_path / 'a.tif'), rgb[::-1].transpose(1, 2, 0))


def test_extra_planes_are_alpha_or_refused(tmp_path, deep):
    rgba = np.stack([deep, deep // 2, deep // 3, deep // 4], -1)
    tifffile.imwrite(tmp_path / 'a.tif', rgba, photometric='rgb', extrasamples=['unassalpha'])
    np.testing.assert_array_equal(read_image(tmp_path / 'a.tif'), rgba[..., 2::-1])
    bands = np.stack([deep] * 5, -1)
    tifffile.imwrite(tmp_path / 'b.tif', bands, photometric='minisblack', planarconfig='contig')
    with pytest.raises(ImageReadError, match=r'b\.tif.*5 planes'):
        read_image(tmp_path / 'b.tif')


@pytest.mark.parametrize('dtype', ['bool', 'uint8', 'uint16'])
def test_white_is_zero_is_inverted(tmp_path, deep, dtype):
    values = (deep > 9999) if dtype == 'bool' else deep.astype(dtype)
    tifffile.imwrite(tmp_path / 'a.tif', values, photometric='miniswhite')
    shown = ~values if dtype == 'bool' else np.iinfo(dtype).max - values
    expected = shown * np.uint8(255) if dtype == 'bool' else shown
    np.testing.assert_array_equal(read_image(tmp_path / 'a.tif'), expected)


def test_white_is_zero_means_nothing_for_floats(tmp_path, deep):
    tifffile.imwrite(tmp_path / 'a.tif', deep.astype('float32'), photometric='miniswhite')
    with pytest.raises(ImageReadError, match=r'a\.tif.*0 is white.*float32'):
        read_image(tmp_path / 'a.tif')


@pytest.mark.parametrize('mode', ['1', 'L', 'I;16', 'F', 'RGB', 'P'])
@pytest.mark.parametrize('compression', ['tiff_lzw', 'tiff_adobe_deflate', 'packbits', None])
def test_what_tifffile_alone_cannot_unpack_is_read_as_well(tmp_path, deep, mode, compression):
    values = {'I;16': deep, 'F': deep.astype(np.float32)}.get(mode, (deep >> 8).astype(np.uint8))
    image = Image.fromarray(values)
    if mode in ('RGB', 'P', '1'):
        image = image.convert(mode)
    image.save(tmp_path / 'a.tif', compression=compression)
    expected = np.asarray(image.convert('L') if mode == '1' else image)
    if mode in ('RGB', 'P'):
        expected = np.asarray(image.convert('RGB'))[..., ::-1]
    read = read_image(tmp_path / 'a.tif')
    assert read.dtype == expected.dtype
    np.testing.assert_array_equal(read, expected)


def test_opencvs_own_compression(tmp_path, deep):
    for values in (deep, np.stack([deep, deep // 2, deep // 3], -1), deep.astype(np.float32)):
        cv2.imwrite(str(tmp_path / 'a.tif'), values, [cv2.IMWRITE_TIFF_COMPRESSION, 5])
        with tifffile.TiffFile(tmp_path / 'a.tif') as file:
            assert file.pages[0].compression == 5
        np.testing.assert_array_equal(read_image(tmp_path / 'a.tif'), values)


def test_what_no_decoder_returns_as_stored_is_refused(tmp_path, deep, monkeypatch):
    colour = np.stack([deep, deep // 2, deep // 3], -1)
    cv2.imwrite(str(tmp_path / 'a.tif'), colour, [cv2.IMWRITE_TIFF_COMPRESSION, 5])
    monkeypatch.setattr(cv2, 'imdecodemulti', lambda *_: (True, [colour.astype(np.uint8)]))
    monkeypatch.setattr(tiff, '_has_imagecodecs', lambda: False)
    with pytest.raises(ImageReadError, match=r'a\.tif.*LZW.*mmirstd\[tiff\]'):
        read_image(tmp_path / 'a.tif')


def test_overviews_and_transparency_masks_are_no_frames(tmp_path, deep):
    with tifffile.TiffWriter(tmp_path / 'cog.tif') as file:
        file.write(deep, photometric='minisblack')
        for step in (2, 4):
            file.write(deep[::step, ::step], photometric='minisblack', subfiletype=1)
        file.write(deep > 9, photometric='minisblack', subfiletype=4)
    (source,) = find_sources(tmp_path / 'cog.tif')
    np.testing.assert_array_equal(source.read(), deep)
    np.testing.assert_array_equal(read_image(tmp_path / 'cog.tif'), deep)
    assert read_size(tmp_path / 'cog.tif') == (12, 17)


@pytest.mark.parametrize('dtype', ['uint8', 'uint16', 'float16', 'float32', 'float64', 'int8'])
@pytest.mark.parametrize('big', [False, True])
def test_pages_of_every_type_are_frames(tmp_path, deep, dtype, big):
    pages = np.stack([deep, deep // 2, deep // 3]).astype(dtype)
    tifffile.imwrite(tmp_path / 's.tif', pages, photometric='minisblack', bigtiff=big)
    found = find_sources(tmp_path / 's.tif')
    assert [source.name for source in found] == ['s_000000', 's_000001', 's_000002']
    for source, page in zip(found, pages, strict=True):
        np.testing.assert_array_equal(source.read(), page)
    np.testing.assert_array_equal(found[1].read(), pages[1])  # again, after the last page
    with pytest.raises(ImageReadError, match=r's\.tif.*3 pages'):
        read_image(tmp_path / 's.tif')


def test_an_imagej_stack_without_pages_is_refused(tmp_path, deep):
    tifffile.imwrite(tmp_path / 's.tif', np.stack([deep] * 3), imagej=True)
    data = bytearray((tmp_path / 's.tif').read_bytes())
    with tifffile.TiffFile(tmp_path / 's.tif') as file:
        pages = len(file.pages)
        end = file.pages[0].offset + 2 + 12 * len(file.pages[0].tags)
    assert pages == 3
    data[end : end + 4] = bytes(4)  # ImageJ writes a single page for large stacks
    (tmp_path / 's.tif').write_bytes(data)
    with pytest.raises(ImageReadError, match=r's\.tif.*ImageJ'):
        find_sources(tmp_path / 's.tif')[0].read()


@pytest.mark.parametrize('compression', [None, 'zlib'])
def test_a_truncated_tiff_is_called_truncated(tmp_path, deep, compression):
    tifffile.imwrite(tmp_path / 'a.tif', deep, compression=compression)
    content = (tmp_path / 'a.tif').read_bytes()
    (tmp_path / 'a.tif').write_bytes(content[:-20])
    with pytest.raises(ImageReadError, match=r'a\.tif.*truncated: \d+ bytes of at least \d+'):
        read_image(tmp_path / 'a.tif')


@pytest.mark.parametrize('suffix', ['.gif', '.png', '.webp'])
def test_animations_are_refused_by_name(tmp_path, suffix):
    frames = [Image.fromarray(np.full((9, 9), 80 * k, np.uint8)) for k in range(3)]
    frames[0].save(tmp_path / f'a{suffix}', save_all=True, append_images=frames[1:], lossless=True)
    with pytest.raises(ImageReadError, match=rf'a\{suffix}.*animated \(3 frames\)'):
        read_image(tmp_path / f'a{suffix}')


def test_the_first_picture_of_several_in_a_jpeg(tmp_path):
    first, second = (Image.fromarray(np.full((9, 9), v, np.uint8)) for v in (50, 200))
    first.save(tmp_path / 'a.jpg', 'MPO', save_all=True, append_images=[second])
    assert abs(int(read_image(tmp_path / 'a.jpg').mean()) - 50) < 3


def test_what_starts_a_program_is_not_read(tmp_path):
    (tmp_path / 'a.png').write_bytes(b'%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n')
    with pytest.raises(ImageReadError, match=r'a\.png.*no known image format'):
        read_image(tmp_path / 'a.png')


def test_decoders_print_nothing(tmp_path, deep, capfd):
    cv2.imwrite(str(tmp_path / 'a.tif'), deep)
    content = (tmp_path / 'a.tif').read_bytes()
    colour = cv2.imencode('.png', np.stack([deep] * 3, -1))[1].tobytes()
    for k, data in enumerate((content[:-30], content[:40], colour[:-40], b'II*\0' + bytes(90))):
        (tmp_path / f'{k}.tif').write_bytes(data)
        with pytest.raises(ImageReadError):
            read_image(tmp_path / f'{k}.tif')
    assert capfd.readouterr() == ('', '')
