import cv2
import numpy as np
import pytest
from PIL import Image

from mmirstd.io.images.limits import ImageReadError
from mmirstd.io.images.masks import is_all_void, read_mask
from mmirstd.io.images.reading import read_image

TARGET = np.array([[0, 1, 0, 0], [0, 1, 1, 0], [0, 0, 0, 1]], np.uint8)


def _save_mask(kind, file):
    if kind == '1-bit':
        Image.fromarray(TARGET.astype(bool)).save(file)
    elif kind == 'palette':
        image = Image.fromarray(TARGET, mode='P')
        image.putpalette([0, 0, 0, 128, 0, 0])
        image.save(file)
    elif kind == 'rgb':
        Image.fromarray(np.stack([TARGET * 0, TARGET * 0, TARGET], -1)).save(file)
    elif kind == 'rgba':
        alpha = np.full_like(TARGET, 255)
        Image.fromarray(np.stack([TARGET * 255] * 3 + [alpha], -1)).save(file)
    elif kind == '16-bit':
        cv2.imwrite(str(file), TARGET.astype(np.uint16))
    elif kind == 'in-between grays':
        grays = TARGET * np.array([[7, 1, 90, 3]] * 3, np.uint8)
        Image.fromarray(grays).save(file)
    else:
        Image.fromarray(TARGET * np.uint8(kind)).save(file)


@pytest.mark.parametrize(
    'kind', ['1-bit', 'palette', 'rgb', 'rgba', '16-bit', 'in-between grays', 1, 38, 255]
)
def test_mask_is_gray_above_zero_in_any_encoding(tmp_path, kind):
    _save_mask(kind, tmp_path / 'mask.png')
    mask = read_mask(tmp_path / 'mask.png')
    assert mask.dtype == np.uint8
    np.testing.assert_array_equal(mask, TARGET)


@pytest.mark.parametrize('dtype', [bool, np.uint8, np.float32])
def test_npy_mask(tmp_path, dtype):
    np.save(tmp_path / 'mask.npy', TARGET.astype(dtype))
    np.testing.assert_array_equal(read_mask(tmp_path / 'mask.npy'), TARGET)


def test_threshold_is_exclusive(tmp_path):
    Image.fromarray(np.array([[127, 128]], np.uint8)).save(tmp_path / 'mask.png')
    assert read_mask(tmp_path / 'mask.png', threshold=127).tolist() == [[0, 1]]


def test_jpeg_mask_needs_a_threshold(tmp_path):
    mask = np.zeros((32, 32), np.uint8)
    mask[9:12, 9:12] = 255
    Image.fromarray(mask).save(tmp_path / 'mask.jpg', quality=60)
    with pytest.raises(ImageReadError, match=r'mask\.jpg: JPEG blurs masks'):
        read_mask(tmp_path / 'mask.jpg')
    assert (read_image(tmp_path / 'mask.jpg') > 0).sum() > 9  # the reason
    assert read_mask(tmp_path / 'mask.jpg', threshold=127).sum() == 9


def _blob():
    """A target of 7 x 5 pixels in 40 x 48."""
    mask = np.zeros((40, 48), np.uint8)
    mask[20:27, 30:35] = 1
    return mask


def test_jpeg_is_told_by_the_content_and_not_by_the_suffix(tmp_path):
    Image.fromarray(_blob() * 255).save(tmp_path / 'a.jpg', quality=90)
    (tmp_path / 'renamed.png').write_bytes((tmp_path / 'a.jpg').read_bytes())
    Image.fromarray(_blob() * 255).save(tmp_path / 'a.tif', compression='jpeg')
    Image.fromarray(_blob() * 255).save(tmp_path / 'a.webp', quality=80)
    for name in ('renamed.png', 'a.tif', 'a.webp'):
        with pytest.raises(ImageReadError, match=rf'{name}: JPEG blurs masks'):
            read_mask(tmp_path / name)
    Image.fromarray(_blob() * 255).save(tmp_path / 'exact.webp', lossless=True)
    np.testing.assert_array_equal(read_mask(tmp_path / 'exact.webp'), _blob())


@pytest.mark.parametrize('quality', [60, 75, 90, 95])
def test_noise_of_jpeg_in_a_png_is_refused(tmp_path, quality):
    code = cv2.imencode('.jpg', _blob() * 255, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    cv2.imwrite(str(tmp_path / 'mask.png'), cv2.imdecode(code, cv2.IMREAD_GRAYSCALE))
    with pytest.raises(ImageReadError, match=r'mask\.png: .* in \d+ of \d+ pixels .* JPEG noise'):
        read_mask(tmp_path / 'mask.png')
    np.testing.assert_array_equal(read_mask(tmp_path / 'mask.png', threshold=127), _blob())


def _palette(mask, colours):
    image = Image.frombytes('P', mask.shape[::-1], mask.tobytes())
    image.putpalette(colours + [0] * (768 - len(colours)))
    return image


@pytest.mark.parametrize(
    'colours', [[68, 1, 84, 253, 231, 37], [], [0, 0, 0, 128, 0, 0], [9, 9, 9, 255, 0, 0]]
)
@pytest.mark.parametrize('suffix', ['.png', '.tif'])
def test_palettes_of_labels_are_read_by_index(tmp_path, colours, suffix):
    _palette(_blob(), colours).save(tmp_path / f'mask{suffix}')
    np.testing.assert_array_equal(read_mask(tmp_path / f'mask{suffix}'), _blob())


def test_gray_palettes_are_read_by_gray(tmp_path):
    _palette(1 - _blob(), [255, 255, 255, 0, 0, 0]).save(tmp_path / 'mask.png')
    np.testing.assert_array_equal(read_mask(tmp_path / 'mask.png'), _blob())


@pytest.mark.parametrize('colour', [0, 255])
def test_a_mask_in_the_transparency(tmp_path, colour):
    image = np.full((*_blob().shape, 4), colour, np.uint8)
    image[..., 3] = _blob() * 255
    Image.fromarray(image).save(tmp_path / 'mask.png')
    np.testing.assert_array_equal(read_mask(tmp_path / 'mask.png'), _blob())


def test_masks_without_target_among_masks_in_the_transparency(tmp_path):
    image = np.full((*_blob().shape, 4), 255, np.uint8)
    image[..., 3] = 0
    Image.fromarray(image).save(tmp_path / 'none.png')
    assert not read_mask(tmp_path / 'none.png').any()
    image[..., :3] = _blob()[..., None] * np.uint8(255)
    Image.fromarray(image).save(tmp_path / 'unused.png')  # some programs leave it at 0
    np.testing.assert_array_equal(read_mask(tmp_path / 'unused.png'), _blob())


def test_transparency_that_agrees_or_contradicts(tmp_path):
    image = np.repeat(_blob()[..., None] * np.uint8(255), 4, axis=2)
    Image.fromarray(image).save(tmp_path / 'agrees.png')
    np.testing.assert_array_equal(read_mask(tmp_path / 'agrees.png'), _blob())
    image[..., 3] = 255 - image[..., 3]
    Image.fromarray(image).save(tmp_path / 'contradicts.png')
    with pytest.raises(ImageReadError, match=r'contradicts\.png: the mask is partly transparent'):
        read_mask(tmp_path / 'contradicts.png')


@pytest.mark.parametrize('kind', ['gray', 'palette'])
def test_void_beside_labels_is_refused(tmp_path, kind):
    mask = _blob()
    mask[(cv2.dilate(mask, np.ones((3, 3), np.uint8)) > 0) & (mask == 0)] = 255
    image = Image.fromarray(mask) if kind == 'gray' else _palette(mask, [0, 0, 0, 128, 0, 0])
    image.save(tmp_path / 'mask.png')
    with pytest.raises(
        ImageReadError,
        match=r'mask\.png: 28 pixels are 255 beside the labels 0, 1.*--void-value 255',
    ):
        read_mask(tmp_path / 'mask.png')


def _ring(mask):
    """The pixels around the targets become 255."""
    mask = mask.copy()
    mask[(cv2.dilate(mask, np.ones((3, 3), np.uint8)) > 0) & (mask == 0)] = 255
    return mask


@pytest.mark.parametrize('kind', ['gray', 'rgb', 'palette', '16-bit'])
def test_void_pixels_are_labelled_where_the_user_says_so(tmp_path, kind):
    expected = _ring(_blob())
    assert [int((expected == value).sum()) for value in (1, 255)] == [35, 28]
    if kind == 'palette':
        _palette(expected, [0, 0, 0, 128, 0, 0]).save(tmp_path / 'mask.png')
    elif kind == '16-bit':
        cv2.imwrite(str(tmp_path / 'mask.png'), expected.astype(np.uint16))
    else:
        image = expected if kind == 'gray' else np.repeat(expected[..., None], 3, axis=2)
        cv2.imwrite(str(tmp_path / 'mask.png'), image)
    labels = read_mask(tmp_path / 'mask.png', void_value=255)
    assert labels.dtype == np.uint8
    np.testing.assert_array_equal(labels, expected)


def test_other_void_values_and_instances(tmp_path):
    stored = np.array([[0, 1, 2, 3], [7, 7, 4, 5]], np.uint8)
    cv2.imwrite(str(tmp_path / 'mask.png'), stored)
    labels = read_mask(tmp_path / 'mask.png', void_value=7)
    np.testing.assert_array_equal(labels, [[0, 1, 1, 1], [255, 255, 1, 1]])
    labels = read_mask(tmp_path / 'mask.png', threshold=2, void_value=7)
    np.testing.assert_array_equal(labels, [[0, 0, 0, 1], [255, 255, 1, 1]])


def test_masks_of_0_and_255_stay_targets_unless_255_is_said_to_be_void(tmp_path):
    cv2.imwrite(str(tmp_path / 'mask.png'), _blob() * 255)
    np.testing.assert_array_equal(read_mask(tmp_path / 'mask.png'), _blob())
    labels = read_mask(tmp_path / 'mask.png', void_value=255)
    np.testing.assert_array_equal(labels, _blob() * 255)
    assert is_all_void(labels)
    assert not is_all_void(_ring(_blob()))
    assert not is_all_void(np.zeros((2, 2), np.uint8))


def test_noise_of_jpeg_is_refused_beside_void_pixels(tmp_path):
    code = cv2.imencode('.jpg', _blob() * 200, [cv2.IMWRITE_JPEG_QUALITY, 50])[1]
    noisy = cv2.imdecode(code, 0)
    noisy[:2] = 255
    cv2.imwrite(str(tmp_path / 'mask.png'), noisy)
    with pytest.raises(ImageReadError, match='JPEG noise'):
        read_mask(tmp_path / 'mask.png', void_value=255)


def test_instance_labels_are_targets(tmp_path):
    mask = _blob()
    mask[2:4, 2:4] = 2
    mask[9:11, 2:4] = 3
    cv2.imwrite(str(tmp_path / 'mask.png'), mask)
    np.testing.assert_array_equal(read_mask(tmp_path / 'mask.png'), mask > 0)


@pytest.mark.slow
def test_no_published_mask_is_refused(data_root):
    files = [file for name in ('SIRST', 'NUDT-SIRST', 'IRSTD-1k', 'MDFA')
             for file in sorted((data_root / name / 'masks').glob('*.png'))]  # fmt: skip
    assert len(files) > 4000
    for file in files:
        with Image.open(file) as image:
            expected = np.asarray(image.convert('L')) > 0
        np.testing.assert_array_equal(read_mask(file), expected)
