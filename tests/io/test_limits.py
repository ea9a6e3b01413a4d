"""Sizes are checked before pixels are decoded, whatever the decoder."""

import io
import resource
import struct
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image

from mmirstd.inference.sources import find_sources
from mmirstd.io.images.limits import (
    LIMIT_VARIABLE,
    ImageLimitError,
    check_decoded_size,
    image_limit,
    set_image_limit,
)
from mmirstd.io.images.reading import decode_image, read_image


def _peak_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _bomb_tiff(path, side=14_000, dtype='float64'):
    """A file of 2 MB whose picture takes 1.6 GB."""
    strip = zlib.compress(bytes(side * 1000 * np.dtype(dtype).itemsize), 9)

    def strips():
        while True:
            yield strip

    tifffile.imwrite(
        path, strips(), shape=(side, side), dtype=dtype, rowsperstrip=1000, compression='zlib',
        photometric='minisblack',
    )  # fmt: skip
    return path


def _png_header(width, height, bits=8, colour=0):
    def chunk(kind, content):
        check = zlib.crc32(kind + content)
        return struct.pack('>I', len(content)) + kind + content + struct.pack('>I', check)

    header = struct.pack('>IIBBBBB', width, height, bits, colour, 0, 0, 0)
    data = zlib.compress(bytes(100))
    return (
        b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', header) + chunk(b'IDAT', data) + chunk(b'IEND', b'')
    )


def _bmp_header(width, height):
    return (
        b'BM' + struct.pack('<IHHI', 1078, 0, 0, 1078)
        + struct.pack('<IiiHHIIiiII', 40, width, height, 1, 8, 0, 0, 0, 0, 0, 0) + bytes(1024)
    )  # fmt: skip


def _npy_header(shape, dtype):
    file = io.BytesIO()
    header = {'shape': shape, 'fortran_order': False, 'descr': dtype}
    np.lib.format.write_array_header_1_0(file, header)
    return file.getvalue()


def test_a_tiff_that_unpacks_to_too_much_is_refused_before_memory_is_taken(tmp_path):
    path = _bomb_tiff(tmp_path / 'bomb.tif')
    assert path.stat().st_size < 3e6
    before = _peak_mb()
    message = (
        r'bomb\.tif: 14000 x 14000 pixels take 1568 MB .*whole frames are kept in memory.*'
        r'--max-image-mb 1569 .*MMIRSTD_MAX_IMAGE_MB=1569 .*cut it into several files'
    )
    with pytest.raises(ImageLimitError, match=message):
        read_image(path)
    with pytest.raises(ImageLimitError, match=message):
        find_sources(path)[0].read()
    assert _peak_mb() - before < 200


@pytest.mark.parametrize(
    'content',
    [
        _png_header(40_000, 40_000),
        _png_header(14_000, 14_000, bits=16, colour=6),
        _bmp_header(30_000, 30_000),
        _npy_header((30_000, 30_000), '<f4'),
        _npy_header((4, 8000, 9000, 3), '<u2'),
    ],
    ids=['png', 'deep.png', 'bmp', 'npy', 'stack.npy'],
)
def test_every_decoder_obeys_the_limit(content):
    before = _peak_mb()
    with pytest.raises(ImageLimitError, match=r'^x\.img: \d+ x \d+ pixels take'):
        decode_image(content, 'x.img')
    assert _peak_mb() - before < 100


def test_the_limit_can_be_raised_and_lowered(tmp_path, monkeypatch):
    Image.fromarray(np.zeros((100, 100), np.uint8)).save(tmp_path / 'a.png')
    monkeypatch.setenv(LIMIT_VARIABLE, '0.03')
    with pytest.raises(ImageLimitError, match=r'a\.png: 100 x 100 pixels .* limit of 0 MB'):
        read_image(tmp_path / 'a.png')
    set_image_limit(0.05)
    assert read_image(tmp_path / 'a.png').shape == (100, 100)
    assert image_limit() == 50_000
    monkeypatch.setenv(LIMIT_VARIABLE, 'lots')
    with pytest.raises(ValueError, match=r"MMIRSTD_MAX_IMAGE_MB='lots'"):
        image_limit()
    with pytest.raises(ValueError, match='above 0'):
        set_image_limit(-1)


def test_large_files_are_not_read_into_memory(tmp_path, monkeypatch):
    monkeypatch.setenv(LIMIT_VARIABLE, '1')
    with (tmp_path / 'a.bmp').open('wb') as file:
        file.truncate(2_000_000)
    message = r'a\.bmp: the file has 2 MB.*--max-image-mb 3 of `mmirstd detect`'
    with pytest.raises(ImageLimitError, match=message):
        read_image(tmp_path / 'a.bmp')


def test_frames_beyond_the_limit_of_pillow_are_within_ours():
    check_decoded_size(13_400, 13_400, 'frame')
    check_decoded_size(16_384, 16_384, 'frame', channels=3)
    with pytest.raises(ImageLimitError):
        check_decoded_size(16_384, 16_384, 'frame', item_size=8)


@pytest.mark.slow
@pytest.mark.parametrize('suffix', ['.png', '.tif'])
def test_a_large_frame_is_read(tmp_path, suffix):
    frame = np.zeros((13_400, 13_400), np.uint8)
    frame[77, 13_000] = 9
    Image.fromarray(frame).save(tmp_path / f'large{suffix}', compress_level=1)
    image = find_sources(tmp_path / f'large{suffix}')[0].read()
    assert image.shape == frame.shape
    assert image[77, 13_000] == 9
