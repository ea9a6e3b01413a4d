import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]

from bright_model import CONFIG, scene, weights  # noqa: E402

from mmirstd.cli.commands import detect  # noqa: E402
from mmirstd.reporting.writers import FORMATS  # noqa: E402


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Current folder with a model and three images."""
    import torch

    monkeypatch.chdir(tmp_path)
    Path('bright.py').write_text(CONFIG.replace('RESIZE', ''))
    torch.save(weights(), 'bright.pth')
    Path('images').mkdir()
    for k in range(3):
        cv2.imwrite(f'images/frame_{k}.png', scene(targets=[(20, 10 + 4 * k)]))
    return tmp_path


def run(*words):
    model = ['--config', 'bright.py', '--checkpoint', 'bright.pth', '--quiet']
    return detect.main([*map(str, words), *model])


def rows(path):
    with open(path) as file:
        return list(csv.DictReader(file))


def test_a_folder(project, capsys):
    assert run('images', '--out', 'out', '--write', *FORMATS) == 0
    assert '3 targets in 3 images' in capsys.readouterr().err
    assert [(r['image'], r['x'], r['y']) for r in rows('out/targets.csv')] == [
        (f'frame_{k}', f'{10 + 4 * k}.000', '20.000') for k in range(3)
    ]
    for kind in ('masks', 'probability', 'overlays'):
        assert sorted(p.name for p in Path('out', kind).iterdir()) == [
            f'frame_{k}.png' for k in range(3)
        ]
    assert len(json.loads(Path('out/coco.json').read_text())) == 3


def coco_file(names):
    images = [{'id': 40 - k, 'file_name': name} for k, name in enumerate(names)]
    categories = [{'id': 3, 'name': 'drone'}, {'id': 9, 'name': 'bird'}]
    Path('own.json').write_text(json.dumps({'images': images, 'categories': categories}))


def test_numbers_of_a_coco_dataset(project, capsys):
    coco_file([f'images/frame_{k}.png' for k in range(4)])
    words = ['images', '--out', 'out', '--write', 'coco', '--coco-ids', 'own.json']
    assert run(*words) == 1
    assert "several classes, 'drone', 'bird'" in ' '.join(capsys.readouterr().err.split())
    assert run(*words, '--coco-category', 'bird') == 0
    results = json.loads(Path('out/coco.json').read_text())
    assert [(r['image_id'], r['category_id'], r['bbox'][0]) for r in results] == [
        (40, 9, 9), (39, 9, 13), (38, 9, 17)
    ]  # fmt: skip
    dataset = json.loads(Path('out/coco_images.json').read_text())
    assert [image['id'] for image in dataset['images']] == [40, 39, 38]
    assert [category['id'] for category in dataset['categories']] == [9]


def test_images_that_the_coco_dataset_lacks_are_named_before_detection(project, capsys):
    coco_file(['images/frame_0.png', 'images/frame_2.png'])
    words = ['--write', 'coco', '--coco-ids', 'own.json', '--coco-category', 'bird']
    assert run('images', '--out', 'out', *words) == 1
    said = ' '.join(capsys.readouterr().err.split())
    assert 'frame_1: own.json has no image of this name' in said
    assert not Path('out').exists()


def test_a_coco_dataset_is_not_overwritten(project, capsys):
    Path('out').mkdir()
    coco_file([f'frame_{k}.png' for k in range(3)])
    Path('own.json').rename('out/coco.json')
    before = Path('out/coco.json').read_bytes()
    words = ['--write', 'coco', '--coco-ids', 'out/coco.json', '--coco-category', 'bird']
    assert run('images', '--out', 'out', *words, '--overwrite') == 1
    assert 'coco.json' in capsys.readouterr().err
    assert Path('out/coco.json').read_bytes() == before


def test_a_frame_beyond_the_limit_says_which_flag_allows_it(project, capsys, monkeypatch):
    monkeypatch.setenv('MMIRSTD_MAX_IMAGE_MB', '0.01')  # 48 x 64 pixels count as 0.012
    words = ['images/frame_0.png', '--tile-size', 32, '--on-error', 'fail']
    assert run(*words, '--out', 'out') == 1
    said = ' '.join(capsys.readouterr().err.split())
    assert 'frame_0.png: 64 x 48 pixels take 0 MB' in said
    assert '--max-image-mb 1 of `mmirstd detect`' in said
    assert run(*words, '--out', 'allowed', '--max-image-mb', 1) == 0
    assert len(rows('allowed/targets.csv')) == 1


def test_tiles_and_patterns(project):
    assert run('images/*_[01].png', '--out', 'out', '--tile-size', 32, '--overlap', 8) == 0
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
        (['images', '--out', 'out', '--tile-size', '2'], 'tile_size=2'),
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
        ['images', '--out', 'o', '--onnx', 'net.onnx'],
        ['images', '--out', 'o', '--overlap', '4'],
        ['images', '--out', 'o', '--batch-size', '0'],
        ['images', '--out', 'o', '--coco-ids', 'own.json'],
        ['images', '--out', 'o', '--write', 'coco', '--coco-category', 'target'],
        ['images', '--out', 'o', '--intensity-range', 'wide'],
        ['images', '--out', 'o', '--intensity-range', '1', '2', '3'],
    ],
)
def test_wrong_usage_ends_with_2(project, capsys, words):
    with pytest.raises(SystemExit) as exit_info:
        run(*words)
    assert exit_info.value.code == 2


def test_a_model_without_weights_is_an_error(project, capsys):
    assert detect.main(['images', '--out', 'out', '--config', 'bright.py', '--quiet']) == 1
    said = ' '.join(capsys.readouterr().err.split())
    assert 'no weights were given' in said
    assert '--checkpoint FILE' in said
    assert not Path('out').exists()


def test_help_tells_the_exit_codes(capsys):
    with pytest.raises(SystemExit):
        detect.main(['--help'])
    assert 'finished, but some inputs could not be used' in capsys.readouterr().out


def test_one_reason_is_not_repeated_for_every_file(project, capsys):
    for k in range(40):
        Path(f'images/z{k:02d}.png').write_bytes(b'nothing')
    assert run('images', '--out', 'out') == 3
    lines = [line for line in capsys.readouterr().err.splitlines() if 'skipped' in line]
    assert sum('more images for the same reason' in line for line in lines) == 1
    assert len(lines) < 8
    assert '40 images skipped' in lines[-1]


def test_floats_end_the_run_with_one_message(project, capsys):
    for k in range(40):
        cv2.imwrite(f'images/a{k:02d}.tif', np.full((48, 64), 20 + k / 9, np.float32))
    assert run('images', '--out', 'out') == 1
    error = capsys.readouterr().err
    assert '--intensity-range' in error
    assert len(error.splitlines()) < 8


def test_the_limit_on_memory_is_an_option(project, capsys, monkeypatch):
    monkeypatch.setenv('MMIRSTD_MAX_IMAGE_MB', '900')  # and restore it afterwards
    assert run('images', '--out', 'out', '--max-image-mb', 0.001) == 3
    assert 'MMIRSTD_MAX_IMAGE_MB' in capsys.readouterr().err.replace('\n', ' ')


def test_a_cut_video_gives_exit_code_3_and_the_number_of_frames(project, capsys):
    writer = cv2.VideoWriter('clip.avi', cv2.VideoWriter_fourcc(*'MJPG'), 12, (64, 48))
    for k in range(30):
        writer.write(cv2.imread(f'images/frame_{k % 3}.png'))
    writer.release()
    assert run('clip.avi', '--out', 'a', '--deinterlace') == 0
    content = Path('clip.avi').read_bytes()
    Path('clip.avi').write_bytes(content[: len(content) // 2])
    assert run('clip.avi', '--out', 'b') == 3
    assert 'of 30 frames could be decoded' in ' '.join(capsys.readouterr().err.split())


def test_without_a_folder_the_targets_are_printed(project, capsys):
    assert run('images', '--save-plot', 'plot.png') == 0
    header, *lines = capsys.readouterr().out.splitlines()
    assert header.split() == ['image', 'x', 'y', 'pixels', 'score']
    assert [line.split()[:4] for line in lines] == [
        [f'frame_{k}', f'{10 + 4 * k}.00', '20.00', '9'] for k in range(3)
    ]
    assert max(map(len, lines)) <= 80
    assert cv2.imread('plot.png') is not None
    assert sorted(p.name for p in Path().iterdir()) == [
        'bright.pth', 'bright.py', 'images', 'plot.png',
    ]  # fmt: skip


def test_an_image_without_targets_has_its_line(project, capsys):
    cv2.imwrite('dark.png', np.zeros((32, 32), np.uint8))
    assert run('dark.png') == 0
    assert capsys.readouterr().out.splitlines()[1].split() == ['dark', '-', '-', '-', '-']


def test_a_plot_never_replaces_an_input(project, capsys):
    before = Path('images/frame_0.png').read_bytes()
    assert run('images', '--save-plot', 'images/frame_0.png') == 1
    assert 'frame_0.png' in capsys.readouterr().err
    assert Path('images/frame_0.png').read_bytes() == before


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['--write', 'mask'], '--write writes files: give --out'),
        (['--track'], '--track writes files: give --out'),
        (['--model', 'tiny', '--onnx', 'a.onnx'], 'give one of --model, --config and --onnx'),
        (['--checkpoint', 'a.pth'], '--checkpoint needs --config'),
        (['--out', 'o', '--video', 'v.mp4', '--rate', '0'], '--rate must be above 0'),
        (['--out', 'o', '--track', '--rate', '5'], '--rate needs --video'),
        (['--out', 'o', '--max-gap', '2'], '--max-gap needs --track or --video'),
        (['--max-distance', '20'], '--max-distance needs --track or --video'),
    ],
)
def test_contradictions_are_wrong_usage(words, message, capsys):
    with pytest.raises(SystemExit) as end:
        detect.main(['image.png', *words])
    assert end.value.code == 2
    assert message in capsys.readouterr().err


def test_the_default_is_the_shipped_model(project, capsys):
    from mmirstd.weights import list_models

    if not list_models():
        pytest.skip('no weights are published')
    noise = np.random.default_rng(0).normal(900, 4, (96, 128))
    noise[40:43, 60:63] += 90  # a target in the units of a cooled camera
    cv2.imwrite('night.png', noise.astype(np.uint16))
    assert detect.main(['night.png']) == 0
    found = [line.split() for line in capsys.readouterr().out.splitlines()[1:]]
    assert len(found) == 1
    assert abs(float(found[0][1]) - 61) < 1
    assert abs(float(found[0][2]) - 41) < 1


def test_a_run_that_ends_before_its_first_image_is_no_obstacle_for_the_next(project, capsys):
    np.save('a.npy', scene().astype(np.float32))
    assert run('a.npy', '--out', 'out', '--track') == 1
    assert not Path('out').exists()
    assert run('a.npy', '--out', 'out', '--track', '--intensity-range', '0', '255') == 0
    assert run('clip.mp4', '--out', 'video') == 1
    assert 'video file not found: clip.mp4' in capsys.readouterr().err
    assert not Path('video').exists()


def test_long_paths_are_not_broken_into_lines(project, capsys):
    name = 'a folder with a name of many words/' + 'and a file as well ' * 4 + '.png'
    Path(name).parent.mkdir()
    Path(name).write_bytes(b'')
    assert run(name) == 3
    assert f'skipped {name}: the file is empty (0 bytes)\n' in capsys.readouterr().err
