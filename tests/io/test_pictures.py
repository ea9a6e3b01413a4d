import cv2
import numpy as np
import pytest

from mmirstd.io.images.writing import encode_image, write_image


@pytest.mark.parametrize(
    'image',
    [
        np.arange(20, dtype=np.uint8).reshape(4, 5),
        np.arange(20, dtype=np.uint16).reshape(4, 5) * 3000,
        np.arange(60, dtype=np.uint8).reshape(4, 5, 3)[..., ::-1],
    ],
)
def test_png_keeps_every_bit(image, tmp_path):
    path = tmp_path / 'new' / 'x.png'
    write_image(path, image)
    again = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert again.dtype == image.dtype
    assert (again == image).all()
    assert [file.name for file in path.parent.iterdir()] == ['x.png']


@pytest.mark.parametrize(
    ('name', 'image'),
    [
        ('x.txt', np.zeros((4, 5), np.uint8)),
        ('x', np.zeros((4, 5), np.uint8)),
        ('x.png', np.zeros((4, 5), np.complex64)),
        ('x.png', np.zeros((4, 0), np.uint8)),
    ],
)
def test_what_cannot_be_written_is_named(name, image, tmp_path):
    with pytest.raises(ValueError, match=rf'{name}: cannot write an image of {image.dtype}'):
        write_image(tmp_path / name, image)
    assert not list(tmp_path.iterdir())


def test_encoded_bytes_are_those_of_the_file(tmp_path):
    image = np.eye(7, dtype=np.uint8)
    write_image(tmp_path / 'x.png', image)
    assert encode_image(image) == (tmp_path / 'x.png').read_bytes()
