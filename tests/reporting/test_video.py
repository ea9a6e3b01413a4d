import csv

import cv2
import numpy as np
import pytest
from bright_model import scene

from mmirstd.inference.results import Detection
from mmirstd.inference.sources import find_sources, video_frames
from mmirstd.inference.tracking import Tracker
from mmirstd.reporting.video import TrackTable, TrackVideo, draw_tracks


def sequence(length=6):
    """One target moving right by 4 px a frame."""
    for k in range(length):
        image = scene(targets=[(20, 10 + 4 * k)])
        (source,) = find_sources(image)
        yield Detection.from_probability(source, image, image.astype(np.float32) / 255, 0.5)


def test_table_and_video(tmp_path):
    tracker = Tracker()
    with (
        TrackTable(tmp_path / 'out/tracks.csv') as table,
        TrackVideo(tmp_path / 'out/clip.avi', 10) as video,
    ):
        for number, detection in enumerate(sequence()):
            tracks = tracker.update(detection.targets)
            table.write(f'frame{number}', tracks)
            video.write(detection, tracks)
    with (tmp_path / 'out/tracks.csv').open() as file:
        rows = list(csv.DictReader(file))
    assert [(r['frame'], r['track'], r['seen'], r['x'], r['image']) for r in rows] == [
        (str(k), '1', str(k + 1), f'{10 + 4 * k}.000', f'frame{k}') for k in range(6)
    ]
    frames = [source.read() for source in video_frames(tmp_path / 'out/clip.avi')]
    assert len(frames) == 6
    assert frames[0].shape == (480, 640, 3)


def test_drawing_marks_the_target_and_its_path():
    tracker = Tracker()
    for detection in sequence():
        tracks = tracker.update(detection.targets)
    picture = draw_tracks(detection.image, tracks, wanted=64)
    coloured = np.ptp(picture.astype(int), axis=2) > 60
    rows, columns = coloured.nonzero()
    assert coloured.any()
    assert columns.min() <= 11  # the path reaches back to where the target began
    assert rows.min() >= 8
    picture = draw_tracks(detection.image, [], wanted=64)
    assert np.ptp(picture.astype(int), axis=2).max() == 0


def test_a_video_keeps_its_size_and_says_what_it_can_write(tmp_path):
    (first, *_) = sequence(1)
    (source,) = find_sources(np.zeros((10, 12), np.uint8))
    empty = np.zeros((10, 12), np.float32)
    with TrackVideo(tmp_path / 'clip.avi', 10) as video:
        video.write(first, [])
        with pytest.raises(ValueError, match=r'\(10, 12\).*the first one has \(48, 64\)'):
            video.write(Detection.from_probability(source, source.read(), empty, 0.5), [])
    with pytest.raises(ValueError, match=r'ends in \.mp4, \.avi, \.webm'):
        TrackVideo(tmp_path / 'clip.mkv', 10)
    with pytest.raises(ValueError, match='rate=0'):
        TrackVideo(tmp_path / 'clip.mp4', 0)
    assert cv2.VideoCapture(str(tmp_path / 'clip.avi')).get(cv2.CAP_PROP_FRAME_COUNT) == 1
