"""Ray Data leaves what one process leaves; without Ray the message says what to install."""

import os
import signal
import sys
import time

import pytest
from shared_run import (
    descendants,
    end,
    is_alive,
    run,
    start,
    tree,
    wait_for,
    write_images,
)

RAY = ('--ray', '--workers', 2)


def actors_of(process):
    """Workers of Ray that detect; Ray names its processes by what they run."""
    return descendants(process.pid, 'ray::MapWorker')


def test_without_ray_the_message_says_what_to_install(tmp_path, monkeypatch, capsys):
    from bright_model import scene
    from cv2 import imwrite

    from mmirstd.cli.commands import detect

    monkeypatch.setitem(sys.modules, 'ray', None)
    imwrite(str(tmp_path / 'a.png'), scene())
    words = [str(tmp_path / 'a.png'), '--out', str(tmp_path / 'out'), '--ray', '--quiet']
    assert detect.main(words) == 1
    assert "pip install 'mmirstd[ray]'" in ' '.join(capsys.readouterr().err.split())
    assert not (tmp_path / 'out').exists()


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith('linux'), reason='looks into /proc')
def test_two_thousand_images_on_a_cluster_whose_worker_and_driver_are_killed(tmp_path):
    pytest.importorskip('ray', reason='the extra ray is not installed')
    parquet = pytest.importorskip('pyarrow.parquet', reason='the extra ray is not installed')
    images = write_images(tmp_path / 'images', 2000)
    assert run(images, tmp_path / 'one', timeout=1800)[0] == 3
    expected = tree(tmp_path / 'one')
    out = tmp_path / 'out'
    words = (*RAY, '--parts', 'parquet')
    process = start(images, out, *words, pause=0.002)
    wait_for(out, 'shards/*.jsonl', 4, process)
    victim = actors_of(process)[0]
    os.kill(victim, signal.SIGKILL)
    wait_for(out, 'shards/*.jsonl', 12, process)
    assert not is_alive(victim)
    actors = actors_of(process)
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 60
    while any(map(is_alive, actors)):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    left = {path: path.stat().st_mtime_ns for path in out.glob('shards/*.jsonl')}
    assert 12 <= len(left) < 32
    process = start(images, out, *words, '--resume')
    wait_for(out, 'shards/*.jsonl', len(left) + 1, process)
    assert all(path.stat().st_mtime_ns == time for path, time in left.items())
    code, said = end(process, timeout=1800)
    assert code == 3, said
    assert '2,010 targets in 2,005 images' in said
    found = tree(out)
    parts = [name for name in sorted(found) if name.startswith('parts/')]
    rows = [row for name in parts for row in parquet.read_table(out / name).to_pylist()]
    lines = expected['targets.csv'].decode().splitlines()[1:]
    assert [row['image'] for row in rows] == [line.split(',')[0] for line in lines]
    assert [f'{row["x"]:.3f}' for row in rows] == [line.split(',')[1] for line in lines]
    for name in parts:
        found.pop(name)
    assert found == expected
