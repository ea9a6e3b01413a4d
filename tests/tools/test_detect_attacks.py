"""Kills, full disks and limits: what a run leaves is whole or not there, and is said."""

import csv
import json
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import bright_detect
import cv2
import numpy as np
import pytest
from bright_model import scene

SCRIPT = Path(__file__).resolve().parents[1] / 'bright_detect.py'
FORMATS = ('mask', 'probability', 'overlay', 'csv', 'json', 'coco')
VIDEO = ('--video', 'v.avi', '--rate', '5')


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / 'images'
    folder.mkdir()
    for k in range(40):
        cv2.imwrite(str(folder / f'{k:02d}.png'), scene(targets=[(20, 10 + k)]))
    return folder


def start(images, out, *words, pause=0.02, limit=None):
    def restrict():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    command = [sys.executable, str(SCRIPT), str(pause), str(images), '--out', str(out)]
    return subprocess.Popen(
        [*command, '--write', *FORMATS, *words],
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=restrict if limit else None,
    )


def wait_for_masks(out, count, worker):
    while worker.poll() is None and len(list(out.glob('masks/*.png'))) < count:
        pass
    assert worker.poll() is None


def end(worker):
    _, said = worker.communicate(timeout=60)
    return worker.returncode, ' '.join(said.split())


def names(out):
    return {path.name for path in out.iterdir()}


def check_whole_files(out):
    """Every picture can be decoded and every table has whole rows; returns the masks."""
    for kind, low, high in (('masks', 0, 255), ('probability', 0, 65535), ('overlays', 0, 255)):
        for path in (out / kind).iterdir():
            if path.name.startswith('.'):
                continue  # what a kill interrupted; readers of images pass over hidden files
            image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
            assert image is not None, path
            assert {image.min(), image.max()} <= set(range(low, high + 1))
            if kind == 'masks':
                assert (image == 255).sum() == 9
    for table in out.glob('*.csv'):
        content = table.read_bytes().decode()
        assert content.endswith('\r\n')
        rows = list(csv.reader(content.splitlines()))
        assert {len(row) for row in rows} == {len(rows[0])}
    return sorted(path.stem for path in (out / 'masks').glob('[!.]*.png'))


def frames(path):
    capture = cv2.VideoCapture(str(path))
    count = 0
    while capture.read()[0]:
        count += 1
    return count


@pytest.mark.parametrize(
    ('number', 'code'), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)]
)
def test_a_signal_finishes_the_image_and_closes_everything(images, tmp_path, number, code):
    out = tmp_path / 'out'
    worker = start(images, out, *VIDEO)
    wait_for_masks(out, 3, worker)
    worker.send_signal(number)
    returned, said = end(worker)
    assert returned == code
    assert f'stopped by {number.name}' in said
    masks = check_whole_files(out)
    assert 3 <= len(masks) < 40
    assert names(out) == {
        'masks', 'probability', 'overlays', 'targets.csv', 'tracks.csv', 'detections.json',
        'coco.json', 'coco_images.json', 'v.avi', 'mmirstd_run.jsonl',
    }  # fmt: skip
    for table in ('targets.csv', 'tracks.csv'):
        assert len((out / table).read_text().splitlines()) == 1 + len(masks)
    assert len(json.loads((out / 'detections.json').read_text())['images']) == len(masks)
    assert len(json.loads((out / 'coco.json').read_text())) == len(masks)
    assert frames(out / 'v.avi') == len(masks)
    state = json.loads((out / 'mmirstd_run.jsonl').read_text().splitlines()[-1])
    assert state == {'state': f'stopped by {number.name}'}


def test_a_second_signal_ends_at_once(images, tmp_path):
    out = tmp_path / 'out'
    worker = start(images, out, pause=20)
    while not (out / 'targets.part.csv').exists():
        assert worker.poll() is None
    worker.send_signal(signal.SIGTERM)
    time.sleep(1)
    if worker.poll() is None:  # unless the first one came before the first image
        worker.send_signal(signal.SIGTERM)
    returned, _ = end(worker)
    assert returned == 143
    assert not (out / 'targets.csv').exists()


def test_a_kill_leaves_whole_files_under_another_name(images, tmp_path):
    out = tmp_path / 'out'
    for stage in range(3):  # at different moments of an image
        worker = start(images, out, *VIDEO, '--overwrite', pause=0.007 * stage)
        wait_for_masks(out, 3, worker)
        worker.kill()
        worker.communicate()
        masks = check_whole_files(out)
        assert len(masks) >= 3
        assert not names(out) & {'targets.csv', 'tracks.csv', 'detections.json', 'v.avi'}
        rows = (out / 'targets.part.csv').read_text().splitlines()
        assert abs(len(rows) - 1 - len(masks)) <= 1
        returned, said = end(start(images, out))
        assert returned == 1
        assert 'of an earlier run' in said
        assert 'ended abruptly' in said
    returned, _ = end(start(images, out, '--overwrite', pause=0))
    assert returned == 0
    assert len(check_whole_files(out)) == 40
    assert not [path for path in out.rglob('*') if '.part' in path.name]


def test_a_limit_on_the_size_of_files_is_an_error(images, tmp_path):
    out = tmp_path / 'out'
    returned, said = end(start(images, out, *VIDEO, pause=0, limit=200_000))
    assert returned == 1
    assert 'v.part.avi' in said.replace(' ', '')
    assert 'ulimit -f' in said
    assert not names(out) & {'targets.csv', 'v.avi'}
    check_whole_files(out)


def test_a_video_that_was_not_finished_is_an_error(tmp_path, monkeypatch):
    """The limit strikes behind our back, as a quota or another program's files would."""
    from mmirstd.inference.results import Detection
    from mmirstd.inference.sources import find_sources
    from mmirstd.reporting import video

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    monkeypatch.setattr(video.TrackVideo, '_check_room', lambda *_: None)
    noise = np.random.default_rng(1).integers(0, 255, (480, 640), np.uint8)
    (source,) = find_sources(noise)
    found = Detection.from_probability(source, noise, np.zeros(noise.shape, np.float32), 0.5)

    def write():
        with video.TrackVideo(tmp_path / 'v.avi', 5) as writer:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
            for _ in range(40):
                writer.write(found, [])

    try:
        with pytest.raises(OSError, match=r'v\.part\.avi: the video is incomplete, with \d+ of 40'):
            write()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not (tmp_path / 'v.avi').exists()


@pytest.mark.parametrize('words', [(), VIDEO])
def test_a_full_disk_is_named_with_the_free_space(images, small_disk, words):
    (small_disk / 'ballast').write_bytes(bytes(12 * 2**20 - 250_000 - 8 * 2**20 * bool(words)))
    out = small_disk / 'out'
    returned, said = end(start(images, out, *words, pause=0))
    assert returned == 1
    assert 'No space left on device' in said
    assert 'MB are free there' in said
    assert 'disk/out/' in said.replace(' ', '')
    assert not names(out) & {'targets.csv', 'detections.json', 'v.avi'}
    masks = check_whole_files(out)
    assert len(masks) < 40
    (small_disk / 'ballast').unlink()
    returned, _ = end(start(images, out, *words, '--overwrite', pause=0))
    assert returned == 0
    assert len(check_whole_files(out)) == 40


@pytest.mark.parametrize('count', [2, pytest.param(4, marks=pytest.mark.slow)])
def test_several_runs_into_one_folder_do_not_mix(images, tmp_path, count):
    out = tmp_path / 'out'
    workers = [start(images, out, pause=0.05) for _ in range(count)]
    ends = [end(worker) for worker in workers]
    assert sorted(code for code, _ in ends) == [0] + [1] * (count - 1)
    assert all('another run' in said or 'earlier run' in said for code, said in ends if code)
    assert len(check_whole_files(out)) == 40


@pytest.mark.parametrize(
    'words',
    [
        ['--out', '.'],
        ['--out', '.', '--overwrite'],
        ['--out', 'linked/masks/..'],
        ['--out', 'out', '--video', '../x.avi'],
        ['--out', 'out', '--video', '/tmp/x.avi'],
        ['--out', 'out', '--video', 'link.avi'],
        ['--out', 'out', '--video', 'way/x.avi'],
    ],
)
def test_no_way_leads_to_the_inputs(images, tmp_path, monkeypatch, capsys, words):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, 'argv', ['bright_detect.py', '0'])
    images.rename(tmp_path / 'masks')
    (tmp_path / 'out').mkdir()
    (tmp_path / 'out/link.avi').symlink_to(tmp_path / 'masks/00.png')
    (tmp_path / 'out/way').symlink_to(tmp_path)
    (tmp_path / 'linked').symlink_to(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob('*.png')}
    assert bright_detect.main(['masks', *words, '--config', 'none', '--quiet']) == 1
    said = ' '.join(capsys.readouterr().err.split())
    assert 'is an input' in said or 'outside of' in said or 'is a link' in said
    assert {path: path.read_bytes() for path in tmp_path.rglob('*.png')} == before
    assert not list(tmp_path.rglob('*.avi'))[1:]


def test_a_video_is_not_written_onto_itself(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, 'argv', ['bright_detect.py', '0'])
    writer = cv2.VideoWriter('clip.avi', cv2.VideoWriter_fourcc(*'MJPG'), 5, (64, 48))
    for k in range(5):
        writer.write(cv2.cvtColor(scene(targets=[(20, 10 + k)]), cv2.COLOR_GRAY2BGR))
    writer.release()
    before = Path('clip.avi').read_bytes()
    words = ['--config', 'none', '--quiet', '--out', '.', '--video', 'clip.avi']
    assert bright_detect.main(['clip.avi', *words]) == 1
    assert 'clip.avi is an input' in ' '.join(capsys.readouterr().err.split())
    assert Path('clip.avi').read_bytes() == before
