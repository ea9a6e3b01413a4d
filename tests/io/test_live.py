"""A camera never waits, and nothing old is processed."""

import threading
import time

import cv2
import numpy as np
import pytest

from mmirstd.inference.sources import LiveSources
from mmirstd.io import live
from mmirstd.io.images.limits import ImageReadError
from mmirstd.io.live import LiveCapture, is_live, live_name


class Camera:
    """Frames whose value is their number; ``gate`` may hold them back."""

    def __init__(self, count, pause=0.0, rate=50.0, shape=(6, 8)):
        self.count, self.pause, self.rate, self.shape = count, pause, rate, shape
        self.sent = 0
        self.gate = threading.Event()
        self.gate.set()
        self.released = threading.Event()

    def get(self, _):
        return self.rate

    def read(self):
        time.sleep(self.pause)
        self.gate.wait()
        if self.sent == self.count:
            return False, None
        frame = np.full(self.shape, self.sent % 256, np.uint8)
        self.sent += 1
        return True, frame

    def release(self):
        self.released.set()


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr(live, '_PAUSE', 0.001)


def test_all_frames_come_when_there_is_time():
    camera = Camera(3, pause=0.02)
    capture = LiveCapture(0, opened=camera)
    assert [(k, frame.max()) for k, frame in capture.frames()] == [(0, 0), (1, 1), (2, 2)]
    assert (capture.received, capture.dropped, capture.rate) == (3, 0, 50.0)
    assert camera.released.is_set()


def test_newest_frames_win_and_the_others_are_counted():
    camera = Camera(200)
    capture = LiveCapture(0, opened=camera, capacity=3)
    frames = capture.frames()
    first, _ = next(frames)
    while camera.sent < 200:  # the detector is busy
        time.sleep(0.001)
    time.sleep(0.01)
    rest = [(number, int(frame.max())) for number, frame in frames]
    assert rest == [(197, 197), (198, 198), (199, 199)]
    assert capture.received == 200
    assert capture.dropped == 200 - 1 - 3
    assert first == 0 or first < 197


def test_a_stop_ends_the_wait_for_a_silent_camera():
    camera = Camera(10)
    capture = LiveCapture(0, opened=camera)
    stop = threading.Event()
    capture.is_stopped = stop.is_set
    camera.gate.clear()
    timer = threading.Timer(0.2, stop.set)
    timer.start()
    threading.Timer(0.4, camera.gate.set).start()
    started = time.monotonic()
    assert list(capture.frames()) == []
    assert time.monotonic() - started < 5
    assert camera.released.wait(5)


def test_a_missed_frame_does_not_end_a_stream():
    camera = Camera(4, pause=0.01)
    plain, misses = camera.read, iter([False, True, True, False] * 100)

    def read():
        return (False, None) if next(misses) else plain()

    camera.read = read
    assert [number for number, _ in LiveCapture(0, opened=camera).frames()] == [0, 1, 2, 3]


def test_no_frame_at_all_is_an_error():
    with pytest.raises(
        ImageReadError, match='camera3: the source was opened, but no frame arrived'
    ):
        list(LiveCapture(3, opened=Camera(0)).frames())


def test_the_limit_on_memory_holds(monkeypatch):
    monkeypatch.setenv('MMIRSTD_MAX_IMAGE_MB', '0.0001')
    with pytest.raises(ImageReadError, match=r'camera0: .*MMIRSTD_MAX_IMAGE_MB'):
        list(LiveCapture(0, opened=Camera(3)).frames())


def test_a_camera_is_opened_by_its_index(monkeypatch):
    asked = []

    class Opened(Camera):
        def __init__(self, *words):
            asked.append(words)
            super().__init__(2, pause=0.01)

        def isOpened(self):  # noqa: N802
            return asked[-1] != (7,)

    monkeypatch.setattr(cv2, 'VideoCapture', Opened)
    sources = list(LiveSources('0', deinterlaced=True))
    assert asked == [(0,)]
    assert [(s.name, s.path, s.frame) for s in sources] == [
        ('camera0_000000', None, 0), ('camera0_000001', None, 1)
    ]  # fmt: skip
    assert sources[1].read().shape == (6, 8)
    with pytest.raises(ImageReadError, match='camera7: the camera or stream cannot be opened'):
        LiveSources(7)


def test_what_is_live(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pipeline = 'v4l2src ! videoconvert ! appsink'
    for address in (0, '0', '12', 'rtsp://10.0.0.1/a', 'HTTP://host:80/b.mjpg', pipeline):
        assert is_live(address), address
    for address in (-1, True, 'a.png', 'hf://a/b', 'images', None, 1.5, 'x' * 5000):
        assert not is_live(address), address
    (tmp_path / '0').mkdir()
    assert not is_live('0')


def test_names_have_no_passwords():
    assert live_name('rtsp://me:secret@10.0.0.7:554/stream1?token=abc') == 'stream1'
    assert live_name('rtsp://me:secret@10.0.0.7:554') == '10_0_0_7'
    assert live_name('0') == 'camera0'
    assert live_name('rtspsrc location=rtsp://me:secret@h/ ! appsink') == 'stream'


def test_errors_have_no_passwords():
    with pytest.raises(ImageReadError) as error:
        LiveCapture('http://me:secret@127.0.0.1:9/film')
    assert 'secret' not in str(error.value)
    assert 'film: the camera or stream cannot be opened' in str(error.value)
