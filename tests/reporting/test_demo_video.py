"""A video on the demo page becomes a film that browsers play."""

import csv
import json

import cv2
import pytest
from bright_detect import OWN, BrightDetector
from bright_model import scene

from mmirstd.inference.options import DetectorOptions
from mmirstd.reporting import demo_video
from mmirstd.reporting.demo import choose_detector
from mmirstd.reporting.demo_video import answer_video


@pytest.fixture
def detector(monkeypatch):
    monkeypatch.setenv('BRIGHT_PAUSE', '0')
    return BrightDetector(DetectorOptions(), OWN)


def write_clip(path, frames, rate=29.97):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'MJPG'), rate, (64, 48))
    for k in range(frames):
        writer.write(cv2.cvtColor(scene(targets=[(20, 10 + k)]), cv2.COLOR_GRAY2BGR))
    writer.release()
    return path


def test_what_the_user_gets(detector, tmp_path):
    (tmp_path / 'out').mkdir()
    steps = []
    clip = write_clip(tmp_path / 'clip.avi', 12)
    shown = answer_video(
        detector, clip, tmp_path / 'out', progress=lambda *step: steps.append(step)
    )
    assert shown.summary == '**12 detections, 1 track** in 12 frames of clip.avi.'
    assert steps == [(k, demo_video.MAX_FRAMES) for k in range(1, 13)]
    assert [file.name for file in shown.files] == [
        'clip_tracks.webm', 'clip_tracks.csv', 'clip_detections.json'
    ]  # fmt: skip
    # A WebM file with VP8 inside, which all browsers play, with the tracks drawn in.
    content = shown.film.read_bytes()
    assert content.startswith(b'\x1a\x45\xdf\xa3')
    assert b'webm' in content[:64]
    assert b'V_VP8' in content
    capture = cv2.VideoCapture(str(shown.film))
    frames = []
    while (step := capture.read())[0]:
        frames.append(step[1])
    assert len(frames) == 12
    assert frames[0].shape == (480, 640, 3)
    assert capture.get(cv2.CAP_PROP_FPS) == pytest.approx(29.97, abs=0.1)
    plain = cv2.resize(scene(targets=[(20, 10)]), (640, 480), interpolation=cv2.INTER_NEAREST)
    coloured = frames[0].max(axis=2).astype(int) - frames[0].min(axis=2)
    assert (coloured > 60).sum() > 100 > (plain > 0).sum() / 10
    with shown.files[1].open() as file:
        assert [row['track'] for row in csv.DictReader(file)] == ['1'] * 12
    images = json.loads(shown.files[2].read_text())['images']
    assert {image['file'] for image in images} == {'clip.avi'}  # not where the server keeps it


def test_long_videos_end_early_and_say_so(detector, tmp_path, monkeypatch):
    monkeypatch.setattr(demo_video, 'MAX_FRAMES', 5)
    for frames, more in ((5, False), (6, True)):
        out = tmp_path / f'out{frames}'
        out.mkdir()
        shown = answer_video(detector, write_clip(tmp_path / 'a.avi', frames), out)
        assert 'in 5 frames of a.avi.' in shown.summary
        assert ('stops after 5 frames; `mmirstd track` has no limit' in shown.summary) == more


def test_damage_is_told_by_the_name_of_the_file(detector, tmp_path):
    (tmp_path / 'out').mkdir()
    clip = write_clip(tmp_path / 'clip.avi', 30)
    content = clip.read_bytes()
    clip.write_bytes(content[: len(content) // 2])
    shown = answer_video(detector, clip, tmp_path / 'out')
    assert 'clip.avi: ' in shown.summary
    assert 'of 30 frames could be decoded' in shown.summary
    assert str(tmp_path) not in shown.summary
    clip.write_bytes(b'nothing')
    (tmp_path / 'other').mkdir()
    with pytest.raises(ValueError, match=r'^clip\.avi: OpenCV cannot open it'):
        answer_video(detector, clip, tmp_path / 'other')


def test_the_limit_on_images_holds_for_frames(detector, tmp_path, monkeypatch):
    monkeypatch.setenv('MMIRSTD_MAX_IMAGE_MB', '0.001')
    with pytest.raises(ValueError, match=r'^clip\.avi.*MMIRSTD_MAX_IMAGE_MB'):
        answer_video(detector, write_clip(tmp_path / 'clip.avi', 3), tmp_path)


def test_an_unknown_model_is_an_error(detector):
    with pytest.raises(ValueError, match="model='two' is unknown; choose one of one"):
        choose_detector({'one': detector}, model='two', threshold=0.5)
