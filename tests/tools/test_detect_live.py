"""`mmirstd detect` on a stream of pictures that the test itself serves."""

import csv
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import bright_detect
import cv2
import pytest
from bright_model import scene

SCRIPT = Path(__file__).resolve().parents[1] / 'bright_detect.py'


class Stream(BaseHTTPRequestHandler):
    """A moving target, for ever or ``limit`` times, 50 times a second."""

    limit = None

    def do_GET(self):
        self.send_response(200)
        self.send_header('Content-Type', 'multipart/x-mixed-replace; boundary=frame')
        self.end_headers()
        numbers = itertools.count() if self.limit is None else range(self.limit)
        for k in numbers:
            picture = cv2.imencode('.jpg', scene(targets=[(20, 10 + k % 40)]))[1].tobytes()
            head = f'--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n'
            try:
                self.wfile.write(head.encode() + picture + b'\r\n')
            except OSError:
                return
            time.sleep(0.02)

    def log_message(self, *_):
        pass


@pytest.fixture
def stream():
    """URL of an endless stream; its handler's limit can be set."""
    handler = type('Handler', (Stream,), {})
    server = ThreadingHTTPServer(('127.0.0.1', 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f'http://127.0.0.1:{server.server_port}/night.mjpg', handler
    server.shutdown()
    server.server_close()


def rows(path):
    with open(path) as file:
        return list(csv.DictReader(file))


def start(url, out, *words, pause):
    command = [sys.executable, str(SCRIPT), str(pause), url, '--out', str(out), *words]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def test_a_signal_ends_a_live_run_with_complete_outputs(stream, tmp_path):
    url, _ = stream
    out = tmp_path / 'out'
    words = ('--video', 'v.avi', '--write', 'mask', 'csv', 'json')
    process = start(url, out, *words, pause=0.1)
    while len(list(out.glob('masks/*.png'))) < 6:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    masks = sorted(path.stem for path in (out / 'masks').iterdir())
    images = json.loads((out / 'detections.json').read_text())['images']
    assert [image['name'] for image in images] == masks
    numbers = [image['frame'] for image in images]
    assert masks == [f'night_{number:06d}' for number in numbers]
    assert len(rows(out / 'targets.csv')) == len(rows(out / 'tracks.csv')) == len(masks) >= 6
    capture = cv2.VideoCapture(str(out / 'v.avi'))
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == len(masks)
    # 50 frames a second came and at most 10 were processed: gaps in the numbers, counted.
    assert numbers[-1] - numbers[0] + 1 > len(numbers)
    said = ' '.join(said.split())
    dropped, received = map(int, re.search(r'(\d+) of (\d+) frames dropped', said).groups())
    assert 0 < dropped < received
    assert dropped + len(masks) <= received <= dropped + len(masks) + 4 + 1
    state = json.loads((out / 'mmirstd_run.jsonl').read_text().splitlines()[-1])
    assert state == {'state': 'stopped by SIGINT'}


def test_a_stream_that_ends_is_complete(stream, tmp_path):
    url, handler = stream
    handler.limit = 5
    process = start(url, tmp_path / 'out', '--track', pause=0)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    found = [
        (int(row['image'].split('_')[1]), row['x']) for row in rows(tmp_path / 'out/tracks.csv')
    ]
    assert found[-1][0] == 4  # on a busy machine others are dropped
    assert found == [(number, f'{10 + number}.000') for number, _ in found]
    assert f'in {len(found)} images' in ' '.join(said.split())
    state = json.loads((tmp_path / 'out/mmirstd_run.jsonl').read_text().splitlines()[-1])
    assert state == {'state': 'complete'}


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['rtsp://me:secret@127.0.0.1:9/film'], 'film: the camera or stream cannot be opened'),
        (['rtsp://me:secret@127.0.0.1:9/film', 'images'], 'film: give a video or a stream alone'),
        (['http://127.0.0.1:9/film', '--workers', '2'], 'cannot be opened'),
    ],
)
def test_what_cannot_be_read_is_named_without_passwords(
    tmp_path, monkeypatch, capsys, words, message
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, 'argv', ['bright_detect.py', '0'])
    options = ['--out', 'out', '--config', 'none', '--quiet']
    assert bright_detect.main([*words, *options]) == 1
    said = ' '.join(capsys.readouterr().err.split())
    assert message in said
    assert 'secret' not in said
    assert not os.path.exists('out')
