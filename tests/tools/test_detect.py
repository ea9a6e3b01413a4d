import csv
import importlib.util
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]

from bright_network import CONFIG, scene, weights  # noqa: E402

spec = importlib.util.spec_from_file_location('detect', ROOT / 'tools' / 'detect.py')
detect = importlib.util.module_from_spec(spec)
spec.loader.exec_module(detect)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Current folder with a network and three images."""
    import torch

    monkeypatch.chdir(tmp_path)
    Path('bright.py').write_text(CONFIG.replace('RESIZE', ''))
    torch.save(weights(), 'bright.pth')
    Path('images').mkdir()
    for k in range(3):
        cv2.imwrite(f'images/frame_{k}.png', scene(targets=[(20, 10 + 4 * k)]))
    return tmp_path


def run(*words):
    network = ['--config', 'bright.py', '--checkpoint', 'bright.pth', '--quiet']
    return detect.main([*map(str, words), *network])


def rows(path):
    with open(path) as file:
        return list(csv.DictReader(file))


def test_a_folder(project, capsys):
    assert run('images', '--out', 'out', '--write', *detect.FORMATS) == 0
    assert '3 targets in 3 images' in capsys.readouterr().err
    assert [(r['image'], r['x'], r['y']) for r in rows('out/targets.csv')] == [
        (f'frame_{k}', f'{10 + 4 * k}.000', '20.000') for k in range(3)
    ]
    for kind in ('masks', 'probability', 'overlays'):
        assert sorted(p.name for p in Path('out', kind).iterdir()) == [
            f'frame_{k}.png' for k in range(3)
        ]
    assert len(json.loads(Path('out/coco.json').read_text())) == 3


def test_tiles_and_patterns(project):
    assert run('images/*_[01].png', '--out', 'out', '--tile', 32, '--overlap', 8) == 0
    assert len(rows('out/targets.csv')) == 2


def test_a_broken_image_is_skipped_or_fatal(project, capsys):
    Path('images/frame_9.png').write_bytes(b'nothing')
    assert run('images', '--out', 'out') == 3
    assert 'skipped' in capsys.readouterr().err
    assert len(rows('out/targets.csv')) == 3
    assert run('images', '--out', 'out', '--overwrite', '--on-error', 'fail') == 1
    assert 'frame_9.png' in capsys.readouterr().err.replace('\n', '')


def test_a_sequence_and_a_video_give_the_same_tracks(project):
    assert run('images', '--out', 'a', '--video', 'annotated.mp4', '--rate', 5) == 0
    tracks = rows('a/tracks.csv')
    assert [(r['frame'], r['track'], r['x']) for r in tracks] == [
        ('0', '1', '10.000'), ('1', '1', '14.000'), ('2', '1', '18.000')
    ]  # fmt: skip
    assert cv2.VideoCapture('a/annotated.mp4').get(cv2.CAP_PROP_FPS) == 5
    writer = cv2.VideoWriter('clip.avi', cv2.VideoWriter_fourcc(*'MJPG'), 12, (64, 48))
    for k in range(3):
        writer.write(cv2.imread(f'images/frame_{k}.png'))
    writer.release()
    assert run('clip.avi', '--out', 'b', '--video', 'annotated.avi') == 0
    assert cv2.VideoCapture('b/annotated.avi').get(cv2.CAP_PROP_FPS) == 12
    assert [(r['frame'], r['track'], r['image']) for r in rows('b/tracks.csv')] == [
        (str(k), '1', f'clip_{k:06d}') for k in range(3)
    ]


def test_sensor_ranges(project):
    deep = (scene().astype(np.uint16) // 255) * 16383
    cv2.imwrite('images/deep.tif', deep)
    assert run('images/deep.tif', '--out', 'a') == 0
    assert rows('a/targets.csv') == []  # a 14-bit camera in 16 bits is dark
    assert run('images/deep.tif', '--out', 'b', '--intensity-range', 0, 16383) == 0
    assert len(rows('b/targets.csv')) == 2
    assert run('images/deep.tif', '--out', 'c', '--intensity-range', 'minmax') == 0
    assert len(rows('c/targets.csv')) == 2


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['nowhere', '--out', 'out'], 'nowhere: no such file'),
        (['images', '--out', 'images/frame_0.png'], 'frame_0.png'),
        (['images', '--out', 'out', '--tile', '2'], 'tile=2'),
        (['images', '--out', 'out', '--threshold', '1.5'], 'threshold=1.5'),
        (['images', '--out', 'out', '--device', 'warp'], 'warp'),
    ],
)
def test_failures_end_with_1_and_say_why(project, capsys, words, message):
    assert run(*words) == 1
    assert message in capsys.readouterr().err.replace('\n', '')


@pytest.mark.parametrize(
    'words',
    [
        ['images'],
        ['images', '--out', 'o', '--onnx', 'net.onnx'],
        ['images', '--out', 'o', '--overlap', '4'],
        ['images', '--out', 'o', '--batch-size', '0'],
        ['images', '--out', 'o', '--intensity-range', 'wide'],
        ['images', '--out', 'o', '--intensity-range', '1', '2', '3'],
    ],
)
def test_wrong_usage_ends_with_2(project, capsys, words):
    with pytest.raises(SystemExit) as exit_info:
        run(*words)
    assert exit_info.value.code == 2


def test_help_tells_the_exit_codes(capsys):
    with pytest.raises(SystemExit):
        detect.main(['--help'])
    assert '3  finished, but some images' in capsys.readouterr().out
