import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from documented import ROOT, run_page


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """An empty folder with the shared parts of the configs, as in a checkout."""
    from mmengine.registry import DefaultScope

    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv('LOCAL_RANK', '0')
    Path('configs').mkdir()
    Path('configs/_base_').symlink_to(ROOT / 'configs' / '_base_')
    yield tmp_path
    sys.modules.pop('tiny_net', None)
    DefaultScope._instance_dict.clear()


@pytest.mark.slow
def test_add_a_dataset(checkout, monkeypatch):
    run_page('how_to/add_a_dataset.md', monkeypatch)
    assert (checkout / 'work_dirs/own/epoch_1.pth').is_file()


@pytest.mark.slow
def test_add_a_model(checkout, monkeypatch):
    run_page('how_to/add_a_model.md', monkeypatch)
    assert (checkout / 'work_dirs/tiny/epoch_1.pth').is_file()
    assert (checkout / 'found/report.html').is_file()


@pytest.mark.slow
def test_read_the_numbers(checkout, monkeypatch):
    from mmirstd.inference.configs import load_config
    from mmirstd.inference.torch_detector import build_model

    torch.manual_seed(0)
    model = build_model(load_config('simirstd_synthetic'), None, untrained=True)
    torch.save({'state_dict': model.state_dict()}, 'weights.pth')
    run_page('explanation/read_the_numbers.md', monkeypatch)
    assert (checkout / 'found/curves/curves.png').is_file()


def test_separate_background(checkout, monkeypatch):
    from mmirstd.inference.configs import load_config
    from mmirstd.inference.torch_detector import build_model

    torch.manual_seed(0)
    model = build_model(load_config('rpcanet_nudt'), None, untrained=True)
    torch.save({'state_dict': model.state_dict()}, 'rpcanet.pth')
    cv2.imwrite('frame.png', np.random.default_rng(0).integers(60, 90, (48, 64), dtype=np.uint8))
    run_page('how_to/separate_background.md', monkeypatch)
    assert cv2.imread('background_5.png', cv2.IMREAD_GRAYSCALE).shape == (48, 64)


@pytest.mark.slow
def test_own_folder(checkout, monkeypatch, capsys):
    """From make-scenes to ONNX, with the shipped weights as the start."""
    pytest.importorskip('onnxruntime')
    pytest.importorskip('onnxscript')
    run_page('tutorials/own_folder.md', monkeypatch)
    printed = capsys.readouterr().out
    page = (ROOT / 'docs/tutorials/own_folder.md').read_text()
    for line in ('targets (8-connected)', 'train.txt: 32 images', '18 images'):
        assert line in printed
        assert line in page
    tables = [Path(folder, 'targets.csv').read_text() for folder in ('found', 'found_onnx')]
    assert len(tables[0].splitlines()) > 50
    assert [len(table.splitlines()) for table in tables] == [len(tables[0].splitlines())] * 2
    assert Path('report.html').is_file()
