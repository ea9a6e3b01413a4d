from pathlib import Path

import cv2
import pytest
import torch
from documented import run_command, run_page


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """An empty folder with untrained weights of the config and a short video."""
    from mmirstd.inference.configs import load_config
    from mmirstd.inference.torch_detector import build_model

    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    model = build_model(load_config('simirstd_synthetic'), None, untrained=True)
    torch.save({'state_dict': model.state_dict()}, 'weights.pth')
    return tmp_path


def write_clip():
    writer = cv2.VideoWriter('clip.mp4', cv2.VideoWriter_fourcc(*'mp4v'), 10, (128, 128))
    for path in sorted(Path('data/scenes/test/images').iterdir())[:2]:
        writer.write(cv2.imread(str(path)))
    writer.release()


SCENES = 'mmirstd make-scenes data/scenes --train 0 --val 0 --test 4 --size 128 --seed 7'


def test_inference_page(workplace, monkeypatch):
    run_command(SCENES, monkeypatch)
    write_clip()
    run_page('how_to/detect.md', monkeypatch)
    record = 'mmirstd_run.jsonl'
    for folder, names in {
        'found': ['masks', record, 'report.html', 'targets.csv'],
        'found_all': [
            'coco.json', 'coco_images.json', 'detections.json', 'masks', record, 'overlays',
            'probability', 'targets.csv',
        ],
        'found_video': ['annotated.mp4', record, 'targets.csv', 'tracks.csv'],
    }.items():  # fmt: skip
        assert sorted(p.name for p in (workplace / folder).iterdir()) == names


@pytest.mark.slow
def test_export_page(workplace, monkeypatch):
    pytest.importorskip('onnxruntime')
    pytest.importorskip('onnxscript')
    run_command(SCENES, monkeypatch)
    run_page('how_to/export.md', monkeypatch)
    assert sorted(p.name for p in (workplace / 'deploy').iterdir()) == [
        'simirstd.onnx', 'simirstd.pt2', 'simirstd_int8.onnx'
    ]  # fmt: skip
