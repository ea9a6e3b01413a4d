"""Damaged files through the public entry points: only the documented errors come out.

``MMIRSTD_FUZZ`` sets the number of damaged variants per kind of file (default 150).
"""

import io
import json
import pickle

import cv2
import numpy as np
import pytest
import tifffile
import torch
from bright_model import scene, weights, write_onnx
from damage import VARIANTS, damaged
from PIL import Image

from mmirstd.checkpoints import check_fit
from mmirstd.inference.onnx_description import METADATA_KEY, Description
from mmirstd.inference.sources import find_sources, video_frames
from mmirstd.inference.torch_detector import read_weights


def encoded(suffix: str, image: np.ndarray) -> bytes:
    if suffix == '.npy':
        buffer = io.BytesIO()
        np.save(buffer, image)
        return buffer.getvalue()
    return cv2.imencode(suffix, image)[1].tobytes()


def stack() -> bytes:
    buffer = io.BytesIO()
    pages = [Image.fromarray(scene(dtype=np.uint16)) for _ in range(3)]
    pages[0].save(buffer, 'TIFF', save_all=True, append_images=pages[1:])
    return buffer.getvalue()


def pillow(image: np.ndarray, suffix: str, **options) -> bytes:
    buffer = io.BytesIO()
    image = Image.fromarray(image)
    if options.pop('palette', False):
        image = image.convert('P')
    image.save(buffer, suffix, **options)
    return buffer.getvalue()


def turned() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


def tiff(image: np.ndarray, **options) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, image, **options)
    return buffer.getvalue()


IMAGES = {
    'gray.png': lambda: encoded('.png', scene()),
    'deep.png': lambda: encoded('.png', scene(dtype=np.uint16)),
    'deep.tif': lambda: encoded('.tif', scene(dtype=np.uint16)),
    'stack.tif': stack,
    'gray.bmp': lambda: encoded('.bmp', scene()),
    'gray.jpg': lambda: encoded('.jpg', scene()),
    'exif.jpg': lambda: pillow(scene(), 'JPEG', exif=turned()),
    'a.gif': lambda: pillow(scene(), 'GIF'),
    'a.webp': lambda: pillow(scene(), 'WEBP'),
    'palette.png': lambda: pillow(scene(), 'PNG', palette=True),
    'lzw.tif': lambda: pillow(scene(dtype=np.uint16), 'TIFF', compression='tiff_lzw'),
    'palette.tif': lambda: pillow(scene(), 'TIFF', palette=True),
    'big.tif': lambda: tiff(np.stack([scene(dtype=np.float32)] * 2), bigtiff=True),
    'planes.tif': lambda: tiff(np.stack([scene(dtype=np.uint16)] * 3), photometric='rgb',
                               planarconfig='separate', compression='zlib'),
    'tiles.tif': lambda: tiff(scene(dtype=np.uint16), tile=(16, 16), photometric='miniswhite'),
    'float.npy': lambda: encoded('.npy', scene(dtype=np.float32)),
}  # fmt: skip


@pytest.mark.filterwarnings('ignore')
@pytest.mark.parametrize('name', IMAGES)
def test_images(name, tmp_path):
    random = np.random.default_rng(sum(name.encode()))
    content, path, messages = IMAGES[name](), tmp_path / name, []
    for _ in range(VARIANTS):
        path.write_bytes(damaged(content, random))
        for source in find_sources(path):
            try:
                image = source.read()
            except (ValueError, OSError) as error:
                messages.append(str(error))
            else:
                assert image.size
                assert image.ndim in (2, 3)
    assert all(name in message for message in messages)
    # Raw values are any numbers, so much damage of these files cannot be seen.
    assert len(messages) > VARIANTS / 50


def test_videos(tmp_path):
    random = np.random.default_rng(0)
    path, messages = tmp_path / 'clip.avi', []
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'MJPG'), 10, (64, 48))
    for _ in range(3):
        writer.write(np.repeat(scene()[..., None], 3, axis=2))
    writer.release()
    content = path.read_bytes()
    for _ in range(min(VARIANTS // 5, 200)):
        path.write_bytes(damaged(content, random))
        try:
            for number, source in enumerate(video_frames(path)):
                assert source.read().ndim == 3
                if number > 20:
                    break
        except (ValueError, OSError) as error:
            messages.append(str(error))
    assert all('clip.avi' in message for message in messages)


class Malicious:
    """Unpickling it would create a file."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, 'w')


def test_checkpoints(tmp_path):
    random = np.random.default_rng(1)
    path = tmp_path / 'weights.pth'
    contents = []
    for zipped in (True, False):
        torch.save({'state_dict': weights()}, path, _use_new_zipfile_serialization=zipped)
        contents.append(path.read_bytes())
    messages = []
    for k in range(VARIANTS):
        path.write_bytes(damaged(contents[k % 2], random))
        try:
            state = read_weights(path)
        except (ValueError, OSError) as error:
            messages.append(str(error))
        else:
            assert all(isinstance(value, torch.Tensor) for value in state.values())
    assert all('weights.pth' in message for message in messages)
    assert len(messages) > VARIANTS / 4


@pytest.mark.parametrize(
    'content', [[], {}, {'state_dict': None}, {1: 2}, {'state_dict': [1]}, 'x']
)
def test_checkpoints_of_another_form(tmp_path, content):
    torch.save(content, tmp_path / 'odd.pth')
    with pytest.raises(ValueError, match=r'odd\.pth'):
        read_weights(tmp_path / 'odd.pth')


def test_the_checkpoint_of_a_training_free_detector_holds_no_weights(tmp_path):
    torch.save({'state_dict': {}}, tmp_path / 'tophat.pth')
    assert read_weights(tmp_path / 'tophat.pth') == {}
    with pytest.raises(ValueError, match=r'tophat\.pth.* missing'):
        check_fit({}, torch.nn.Conv2d(1, 1, 1).state_dict(), 'tophat.pth')


def test_a_checkpoint_runs_no_code(tmp_path):
    trap = tmp_path / 'trap'
    for save in (torch.save, lambda obj, path: path.write_bytes(pickle.dumps(obj))):
        save({'state_dict': Malicious(trap)}, tmp_path / 'evil.pth')
        with pytest.raises(ValueError, match=r'evil\.pth'):
            read_weights(tmp_path / 'evil.pth')
        assert not trap.exists()


def test_descriptions():
    random = np.random.default_rng(2)
    text = Description(intensity_range=(0, 16383), square=256).to_metadata()[METADATA_KEY]
    for _ in range(VARIANTS * 4):
        broken = damaged(text.encode(), random).decode('utf-8', 'replace')
        try:
            description = Description.from_metadata({METADATA_KEY: broken})
        except ValueError:
            continue
        assert description.channels in (1, 3)
    odd = [None, [], 1, {'channels': 'x'}, {'square': -1}, {'square': True}, {'threshold': 'a'},
           {'threshold': None}, {'percentiles': [1]}, {'percentiles': 3},
           {'percentiles': ['a', 'b']}, {'intensity_range': [1, 'b']}, {'intensity_range': 5},
           {'intensity_range': [2, 1]}, {'intensity_range': None}]  # fmt: skip
    for content in odd:
        with pytest.raises(ValueError, match='damaged'):
            Description.from_metadata({METADATA_KEY: json.dumps(content)})


def test_onnx_files(tmp_path):
    pytest.importorskip('onnx')
    pytest.importorskip('onnxruntime')
    from mmirstd.inference.onnx_detector import OnnxDetector

    path = write_onnx(tmp_path / 'net.onnx', Description())
    (detection,) = OnnxDetector(path)(scene())
    assert len(detection.targets) == 2
    random = np.random.default_rng(3)
    content = path.read_bytes()
    messages = []
    for _ in range(VARIANTS):
        path.write_bytes(damaged(content, random))
        try:
            OnnxDetector(path)(scene())
        except (ValueError, OSError) as error:
            messages.append(str(error))
    assert all('net.onnx' in message for message in messages)
    assert len(messages) > VARIANTS / 4
