"""Frames keep their bits and are counted; interlacing is noticed."""

import logging

import cv2
import numpy as np
import pytest

from mmirstd.inference.sources import video_frames, video_rate
from mmirstd.io import videos
from mmirstd.io.images.limits import ImageLimitError, ImageReadError
from mmirstd.io.videos import Video, _deep_format, count_combs, deinterlace


@pytest.fixture
def deep():
    return np.arange(64 * 80, dtype=np.uint16).reshape(64, 80) * 3 + 8000


def _write_deep(path, frame, count=3):
    options = [cv2.VIDEOWRITER_PROP_DEPTH, cv2.CV_16U, cv2.VIDEOWRITER_PROP_IS_COLOR, 0]
    codec = cv2.VideoWriter_fourcc(*'FFV1')
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, codec, 25, frame.shape[::-1], options)
    for _ in range(count):
        writer.write(frame)
    writer.release()


def _write(path, frames, codec='MJPG', rate=25):
    writer = cv2.VideoWriter(
        str(path), cv2.VideoWriter_fourcc(*codec), rate, frames[0].shape[1::-1]
    )
    for frame in frames:
        writer.write(cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR))
    writer.release()


def _noisy(count):
    random = np.random.default_rng(0)
    return [random.integers(0, 20, (96, 128), dtype=np.uint8) + np.uint8(k) for k in range(count)]


def test_gray_frames_of_16_bits_stay_as_they_are(tmp_path, deep):
    _write_deep(tmp_path / 'a.mkv', deep)
    frames = [source.read() for source in video_frames(tmp_path / 'a.mkv')]
    assert len(frames) == 3
    for frame in frames:
        assert frame.dtype == np.uint16
        np.testing.assert_array_equal(frame, deep)
    assert video_rate(tmp_path / 'a.mkv') == 25


@pytest.mark.parametrize('codec', ['gray12le', 'gray10le'])
def test_other_deep_gray_formats_are_read_by_pyav(tmp_path, deep, codec):
    av = pytest.importorskip('av')
    values = deep % 1024
    with av.open(str(tmp_path / 'a.mkv'), 'w') as container:
        stream = container.add_stream('ffv1', rate=25)
        stream.width, stream.height, stream.pix_fmt = 80, 64, codec
        for _ in range(3):
            frame = av.VideoFrame.from_ndarray(values, format=codec)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    frames = [source.read() for source in video_frames(tmp_path / 'a.mkv')]
    assert len(frames) == 3
    np.testing.assert_array_equal(frames[2], values)


def test_without_pyav_they_are_refused_with_the_command(tmp_path, deep, monkeypatch):
    _write_deep(tmp_path / 'a.mkv', deep)
    monkeypatch.setitem(__import__('sys').modules, 'av', None)
    monkeypatch.setattr(videos, '_deep_format', lambda _: (b'Y1', 12))
    monkeypatch.setattr(videos, '_GRAY_16_LITTLE_ENDIAN', None)
    with pytest.raises(ImportError, match=r"a\.mkv.*12 bits.*'mmirstd\[video\]'"):
        Video(tmp_path / 'a.mkv')


@pytest.mark.parametrize(
    ('tag', 'expected'),
    [
        (b'Y1\x00\x10', (b'Y1', 16)),
        (b'\x10\x001Y', (b'Y1', 16)),
        (b'Y1\x00\x0c', (b'Y1', 12)),
        (b'Y3\x0b\x0a', (b'Y3', 10)),
        (b'BGR\x30', (b'BGR', 16)),
        (b'I420', (None, 8)),
        (b'\0\0\0\0', (None, 8)),
    ],
)
def test_pixel_formats(tag, expected):
    assert _deep_format(int.from_bytes(tag, 'little')) == expected


def test_deep_colours_that_are_reduced_are_named(tmp_path, deep, monkeypatch, caplog):
    _write(tmp_path / 'a.avi', _noisy(2))
    monkeypatch.setattr(videos, '_deep_format', lambda _: (b'Y3', 10))
    with caplog.at_level(logging.WARNING):
        assert len(list(video_frames(tmp_path / 'a.avi'))) == 2
    assert 'a.avi: its colours of 10 bits are read as 8 bits' in caplog.text


def _last_error(path):
    *frames, last = video_frames(path)
    with pytest.raises(ImageReadError) as caught:
        last.read()
    return [source.frame for source in frames], str(caught.value)


@pytest.mark.parametrize(('suffix', 'codec'), [('.avi', 'MJPG'), ('.mp4', 'mp4v')])
def test_damaged_videos_go_on_and_say_how_many_frames_are_missing(tmp_path, suffix, codec, capfd):
    path = tmp_path / f'clip{suffix}'
    _write(path, _noisy(30), codec)
    assert [source.frame for source in video_frames(path)] == list(range(30))
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + len(content) // 8] = bytes(len(content) // 8)
    path.write_bytes(content)
    numbers, message = _last_error(path)
    assert 20 < len(numbers) < 30
    assert numbers[-1] > 18  # it did not end at the damage
    assert f'{path}: {len(numbers)} of 30 frames could be decoded' in message
    assert capfd.readouterr().err == ''


def test_a_video_that_was_cut_off(tmp_path):
    path = tmp_path / 'clip.avi'
    _write(path, _noisy(30))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    numbers, message = _last_error(path)
    assert 10 < len(numbers) < 20
    assert f'{len(numbers)} of 30 frames' in message


def test_an_estimated_number_of_frames_may_be_off_by_a_little(tmp_path, deep):
    _write_deep(tmp_path / 'a.mkv', deep, 10)
    video = Video(tmp_path / 'a.mkv')
    assert not video.is_exact
    assert video.shortfall(9) == ''
    assert '5 of 10 frames' in video.shortfall(5)
    assert 'no frame' in video.shortfall(0)


def test_frames_above_the_limit_are_refused(tmp_path, monkeypatch):
    _write(tmp_path / 'a.avi', _noisy(2))
    monkeypatch.setenv('MMIRSTD_MAX_IMAGE_MB', '0.01')
    with pytest.raises(ImageLimitError, match=r'a\.avi: 128 x 96 pixels'):
        Video(tmp_path / 'a.avi')


def _scene(shift):
    """Noise with a bright spot that moves to the right."""
    image = np.random.default_rng(3).normal(60, 4, (96, 128))
    image[40:52, 20 + shift : 32 + shift] += 120
    return np.clip(image, 0, 255).astype(np.uint8)


def _interlaced(frame, moved):
    frame = frame.copy()
    frame[1::2] = moved[1::2]
    return frame


def test_interlacing_is_noticed_once_and_removed(tmp_path, caplog):
    frames = [_interlaced(_scene(8 * k), _scene(8 * k + 4)) for k in range(10)]
    _write(tmp_path / 'pal.avi', frames)
    _write(tmp_path / 'whole.avi', [_scene(8 * k) for k in range(10)])
    with caplog.at_level(logging.WARNING):
        list(video_frames(tmp_path / 'whole.avi'))
        assert not caplog.records
        list(video_frames(tmp_path / 'pal.avi'))
    (record,) = caplog.records
    assert 'pal.avi: looks interlaced' in record.getMessage()
    assert '--deinterlace' in record.getMessage()
    caplog.clear()
    frames = [s.read() for s in video_frames(tmp_path / 'pal.avi', deinterlaced=True)]
    assert not caplog.records
    assert count_combs(frames[3])[0] < 3


def test_noise_points_and_lines_are_no_combs():
    random = np.random.default_rng(1)
    image = random.normal(100, 30, (200, 200))
    lines, columns = count_combs(image)
    assert lines < 2 * columns + 50
    image = random.normal(100, 2, (200, 200))
    image[50, :] = image[90, :] = 255  # a reticle
    image[::20, ::20] = 255
    assert count_combs(image)[0] == 0


@pytest.mark.parametrize('height', [5, 6])
def test_deinterlacing_keeps_even_lines(height):
    frame = np.arange(height * 3, dtype=np.uint16).reshape(height, 3) * 10
    frame[1::2] = 9
    result = deinterlace(frame)
    np.testing.assert_array_equal(result[::2], frame[::2])
    np.testing.assert_array_equal(result[1], [30, 40, 50])
    np.testing.assert_array_equal(result[3], [90, 100, 110])
    assert result.dtype == np.uint16
    if height == 6:
        np.testing.assert_array_equal(result[5], frame[4])
