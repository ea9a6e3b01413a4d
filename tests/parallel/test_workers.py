"""Several processes leave what one process leaves, whatever is killed."""

import json
import os
import signal
import sys
import time

import bright_detect
import cv2
import numpy as np
import pytest
from bright_model import scene
from shared_run import (
    RECORD,
    end,
    is_alive,
    kill_one_worker,
    run,
    start,
    tree,
    wait_for,
    workers_of,
    write_images,
    write_value,
)

from mmirstd.inference.sources import find_sources

linux = pytest.mark.skipif(not sys.platform.startswith('linux'), reason='looks into /proc')


@pytest.fixture(scope='module')
def images(tmp_path_factory):
    return write_images(tmp_path_factory.mktemp('data') / 'images', 60)


@pytest.fixture(scope='module')
def expected(images, tmp_path_factory):
    """What one process leaves."""
    out = tmp_path_factory.mktemp('one') / 'out'
    code, said = run(images, out, '--track', '--batch-size', 2)
    assert code == 3
    assert '70 targets in 65 images' in said
    return tree(out)


TWO = ('--workers', 2, '--track', '--batch-size', 2)


def test_the_results_are_those_of_one_process(images, expected, tmp_path):
    code, said = run(images, tmp_path / 'out', *TWO, '--parts', 'csv')
    assert code == 3
    assert '1 image skipped' in said
    assert '_broken.png' in said
    found = tree(tmp_path / 'out')
    parts = [found.pop(name) for name in sorted(found) if name.startswith('parts/')]
    assert found == expected
    header, *rows = expected['targets.csv'].splitlines(keepends=True)
    assert len(rows) == 60 + 2 * 5
    assert len(parts) > 4
    assert all(part.startswith(header) for part in parts)
    assert (
        b''.join([header, *(part.removeprefix(header) for part in parts)])
        == (expected['targets.csv'])
    )


def test_numbers_of_a_coco_dataset(tmp_path):
    images = write_images(tmp_path / 'images', 12)
    names = [source.name for source in find_sources(images)]
    entries = [{'id': 500 - k, 'file_name': f'{name}.png'} for k, name in enumerate(names)]
    dataset = tmp_path / 'dataset.json'
    dataset.write_text(json.dumps({'images': entries, 'categories': [{'id': 7, 'name': 'x'}]}))
    found = []
    for words in ((), ('--workers', 2)):
        out = tmp_path / f'out{len(words)}'
        assert run(images, out, '--coco-ids', dataset, *words)[0] == 3
        found.append((out / 'coco.json').read_bytes())
    assert found[0] == found[1]
    results = json.loads(found[0])
    assert {result['category_id'] for result in results} == {7}
    assert {result['image_id'] for result in results} == {
        entry['id'] for entry in entries if 'broken' not in entry['file_name']
    }
    entries.pop()
    dataset.write_text(json.dumps({'images': entries, 'categories': []}))
    code, said = run(images, tmp_path / 'other', '--coco-ids', dataset, '--workers', 2)
    assert code == 1
    assert f'{names[-1]}: ' in said
    assert not (tmp_path / 'other').exists()


@linux
def test_a_killed_worker_is_replaced(images, expected, tmp_path):
    process = start(images, tmp_path / 'out', *TWO, pause=0.03)
    wait_for(tmp_path / 'out', 'shards/*.jsonl', 2, process)
    victim = kill_one_worker(process)
    assert end(process)[0] == 3
    assert not is_alive(victim)
    assert tree(tmp_path / 'out') == expected


@linux
def test_a_killed_run_is_continued(images, expected, tmp_path):
    out = tmp_path / 'out'
    process = start(images, out, *TWO, pause=0.03)
    wait_for(out, 'shards/*.jsonl', 2, process)
    workers = workers_of(process)
    assert len(workers) == 2
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 30
    while any(map(is_alive, workers)):
        assert time.monotonic() < deadline
    assert 'targets.csv' not in tree(out)
    finished = {path: path.stat().st_mtime_ns for path in out.glob('shards/*.jsonl')}
    assert 2 <= len(finished) < 10
    # A second run is not mistaken for the first.
    code, said = run(images, out, *TWO)
    assert code == 1
    assert 'ended abruptly' in said
    assert '--resume continues it' in said
    code, said = run(images, out, *TWO, '--resume', '--threshold', 0.25)
    assert code == 1
    assert 'threshold was None and is 0.25 now' in said
    code, said = run(images / '000*.png', out, *TWO, '--resume')
    assert code == 1
    assert 'the images' in said
    # More workers may go on; they take as many threads as the first ones, for the same digits.
    process = start(images, out, '--resume', '--workers', 3, *TWO[2:], pause=0.03)
    wait_for(out, 'shards/*.jsonl', len(finished) + 1, process)
    assert all(path.stat().st_mtime_ns == time for path, time in finished.items())
    assert end(process)[0] == 3
    assert tree(out) == expected
    # And a finished run is left as it is.
    before = {path: path.stat().st_mtime_ns for path in out.rglob('*')}
    code, said = run(images, out, *TWO, '--resume')
    assert code == 0
    assert 'nothing left to do' in said
    assert {path: path.stat().st_mtime_ns for path in out.rglob('*')} == before


@linux
@pytest.mark.parametrize(
    ('number', 'code'),
    [(signal.SIGTERM, 143), pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow)],
)
def test_a_signal_stops_the_workers_and_keeps_what_is_finished(
    images, expected, tmp_path, number, code
):
    out = tmp_path / 'out'
    process = start(images, out, *TWO, pause=0.03)
    wait_for(out, 'shards/*.jsonl', 2, process)
    workers = workers_of(process)
    os.killpg(process.pid, number)  # as a terminal does
    returned, said = end(process)
    assert returned == code
    assert '--resume continues' in said
    assert not any(map(is_alive, workers))
    assert f'stopped by {signal.Signals(number).name}' in (out / RECORD).read_text()
    assert 'targets.csv' not in tree(out)
    assert run(images, out, *TWO, '--resume')[0] == 3
    assert tree(out) == expected


@pytest.mark.slow
def test_overwrite_removes_what_an_unfinished_run_left(images, expected, tmp_path):
    out = tmp_path / 'out'
    process = start(images, out, *TWO, pause=0.03)
    wait_for(out, 'shards/*.jsonl', 2, process)
    process.kill()
    process.communicate()
    time.sleep(0.5)
    code, _ = run(images, out, '--track', '--batch-size', 2, '--overwrite')
    assert code == 3
    assert tree(out) == expected


def test_an_image_that_kills_every_worker_is_named(tmp_path):
    images = tmp_path / 'images'
    images.mkdir()
    for k in range(4):
        cv2.imwrite(str(images / f'{k}.png'), scene())
    write_value(images / 'deadly.png', bright_detect.DEADLY)
    code, said = run(images, tmp_path / 'out', '--workers', 2)
    assert code == 1
    assert '3 worker processes ended on the same images' in said
    assert 'SIGKILL at deadly' in said


def test_an_error_of_the_model_is_that_of_one_process(tmp_path, images, capsys):
    words = [str(images), '--onnx', 'absent.onnx', '--quiet']
    from mmirstd.cli.commands import detect

    assert detect.main([*words, '--out', str(tmp_path / 'a')]) == 1
    alone = capsys.readouterr().err
    assert 'absent.onnx' in alone
    assert detect.main([*words, '--out', str(tmp_path / 'b'), '--workers', '2']) == 1
    assert capsys.readouterr().err == alone


def test_what_the_first_image_shows_is_said_once(tmp_path):
    images = tmp_path / 'images'
    images.mkdir()
    for k in range(40):
        image = np.random.default_rng(k).integers(0, 255, (48, 64, 3), np.uint8)
        cv2.imwrite(str(images / f'{k:02d}.png'), image)
    code, said = run(images, tmp_path / 'out', '--workers', 2)
    assert code == 0
    assert said.count('it is in colour') == 1
    assert '00.png:itisincolour' in said.replace(' ', '')


def test_a_range_that_does_not_fit_ends_the_run(tmp_path):
    images = tmp_path / 'images'
    images.mkdir()
    for k in range(40):
        write_value(images / f'{k:02d}.tif', 7.5, np.float32)
    code, said = run(images, tmp_path / 'out', '--workers', 2)
    assert code == 1
    assert said.count('--intensity-range') == 1


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['--workers', '2'], 'give --out'),
        (['--workers', '0', '--out', 'o'], '--workers'),
        (['--out', 'o', '--resume'], '--resume needs --workers or --ray'),
        (['--out', 'o', '--parts', 'csv'], '--parts needs'),
        (['--out', 'o', '--workers', '2', '--resume', '--overwrite'], 'give one of them'),
        (['--out', 'o', '--workers', '2', '--precision', 'auto'], '--precision auto'),
        (['--out', 'o', '--workers', '2', '--video', 'v.mp4'], '--video is drawn by one process'),
        (['--out', 'o', '--workers', '2', '--save-plot', 'p.png'], '--save-plot is drawn by one'),
    ],
)
def test_contradictions_are_wrong_usage(words, message, capsys):
    from mmirstd.cli.commands import detect

    with pytest.raises(SystemExit) as exit_info:
        detect.main(['images', *words])
    assert exit_info.value.code == 2
    assert message in capsys.readouterr().err


def test_a_video_needs_one_process(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, 'argv', ['bright_detect.py', '0'])
    writer = cv2.VideoWriter('clip.avi', cv2.VideoWriter.fourcc(*'MJPG'), 10, (32, 32))
    writer.write(np.zeros((32, 32, 3), np.uint8))
    writer.release()
    words = ['clip.avi', '--out', 'out', '--workers', '2', '--config', 'none', '--quiet']
    assert bright_detect.main(words) == 1
    assert 'a video or stream is read in order' in capsys.readouterr().err


@pytest.mark.slow
@linux
def test_two_thousand_images_and_two_kills(tmp_path):
    images = write_images(tmp_path / 'images', 2000)
    assert run(images, tmp_path / 'one', timeout=900)[0] == 3
    expected = tree(tmp_path / 'one')
    assert len(expected['targets.csv'].splitlines()) == 1 + 2000 + 2 * 5
    out = tmp_path / 'out'
    process = start(images, out, '--workers', 2, pause=0.002)
    wait_for(out, 'shards/*.jsonl', 8, process)
    kill_one_worker(process)
    wait_for(out, 'shards/*.jsonl', 16, process)
    process.kill()
    process.communicate()
    left = len(list(out.glob('shards/*.jsonl')))
    assert 16 <= left < 32
    code, said = run(images, out, '--workers', 2, '--resume', timeout=900)
    assert code == 3
    assert '2,010 targets in 2,005 images' in said
    assert tree(out) == expected


@pytest.mark.slow
def test_trained_weights_give_the_same_bytes(tmp_path, monkeypatch):
    """A model of PyTorch, in tiles and batches."""
    import torch

    from mmirstd.cli.commands import detect
    from mmirstd.weights import list_models

    if not list_models():
        pytest.skip('no weights are published')
    monkeypatch.setenv('MMIRSTD_REPEATABLE', '')
    images = tmp_path / 'images'
    images.mkdir()
    for k in range(12):
        noise = np.random.default_rng(k).normal(900, 4, (120, 160))
        noise[40:43, 60 + k : 63 + k] += 90
        cv2.imwrite(str(images / f'{k:02d}.png'), noise.astype(np.uint16))
    words = [str(images), '--quiet', '--repeatable', '--batch-size', '2', '--tile-size', '96']
    words += ['--write', 'mask', 'probability', 'csv', 'json', 'coco', '--out']
    before = torch.get_num_threads()
    torch.set_num_threads(2)  # as a process may do by itself
    try:
        assert detect.main([*words, str(tmp_path / 'one')]) == 0
        assert detect.main([*words, str(tmp_path / 'two'), '--workers', '2']) == 0
    finally:
        torch.set_num_threads(before)
    assert len((tmp_path / 'one/targets.csv').read_text().splitlines()) == 1 + 12
    assert tree(tmp_path / 'two') == tree(tmp_path / 'one')
