import importlib.util
from pathlib import Path

import pytest
import torch

pytest.importorskip('onnxruntime')
pytest.importorskip('onnxscript')

ROOT = Path(__file__).resolve().parents[2]

from bright_model import write_export_project  # noqa: E402


def load(tool):
    spec = importlib.util.spec_from_file_location(tool, ROOT / 'tools' / f'{tool}.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


export = load('export')


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_export_project(4)
    return tmp_path


def test_onnx_and_int8(project, capsys):
    words = ['--int8', 'static', '--images', 'images', '--masks', 'masks']
    assert export.main(['bright.py', 'bright.pth', '--out', 'net.onnx', *words]) == 0
    output = ' '.join(capsys.readouterr().err.split())
    assert 'net.onnx: --dynamic batch' in output
    assert 'pd, % │ 100.00 │ 100.00' in output
    assert 'masks 1.0000' in output

    from mmirstd.inference.onnx_detector import OnnxDetector

    for name in ('net.onnx', 'net_int8.onnx'):
        detector = OnnxDetector(name)
        assert detector.description.square == 64
        assert len(detector.description.checkpoint_sha256) == 64
        (target,) = detector('images/frame_1.png')[0].targets
        assert (target.x, target.y, target.area) == (14, 20, 9)
    operators = set(_operators('net_int8.onnx'))
    assert operators & {'QuantizeLinear', 'QLinearConv'}
    assert export.main(['bright.py', 'bright.pth', '--out', 'net.onnx', *words[:4]]) == 0

    detect = load('detect')
    assert detect.main(['images', '--out', 'found', '--onnx', 'net.onnx', '--quiet']) == 0
    assert len(Path('found/targets.csv').read_text().splitlines()) == 5


def test_dynamic_quantisation_keeps_the_masks(project):
    words = ['--int8', 'dynamic', '--images', 'images', '--dynamic', 'batch']
    assert export.main(['bright.py', 'bright.pth', '--out', 'net.onnx', *words]) == 0
    assert Path('net_int8.onnx').is_file()


def test_torch_export(project, capsys):
    assert export.main(['bright.py', 'bright.pth', '--out', 'net.pt2']) == 0
    assert '--dynamic batch, deviation' in capsys.readouterr().err
    assert export.main(['bright.py', 'bright.pth', '--out', 'net.pt2', '--dynamic', 'size']) == 0
    program = torch.export.load('net.pt2').module()
    images = torch.full((3, 3, 100, 70), 144.0)
    torch.testing.assert_close(program(images), torch.ones(3, 1, 100, 70))


def test_torch_export_of_a_model_that_pads(project, capsys):
    """torch.export cannot open the size of such a model; multiples of 32 need no padding."""
    config = Path('bright.py').read_text()
    config = config.replace('bgr_to_rgb=True)', 'bgr_to_rgb=True, test_cfg=dict(size_divisor=16))')
    config = config.replace("dict(type='mmirstd.ResizeToSquare', size=64),", '')
    Path('padded.py').write_text(config)
    assert export.main(['padded.py', 'bright.pth', '--out', 'net.pt2', '--size', '64']) == 0
    assert '--dynamic multiple, deviation' in capsys.readouterr().err
    images = torch.full((3, 3, 96, 128), 144.0)
    program = torch.export.load('net.pt2').module()
    torch.testing.assert_close(program(images), torch.ones(3, 1, 96, 128))
    words = ['padded.py', 'bright.pth', '--out', 'b.pt2', '--size', '64', '--dynamic', 'size']
    assert export.main(words) == 1
    assert len(capsys.readouterr().err) < 1500
    assert not Path('b.pt2').exists()


def _operators(path):
    import onnx

    return [node.op_type for node in onnx.load(path).graph.node]


@pytest.mark.parametrize(
    ('words', 'code'),
    [
        (['absent.py', 'bright.pth', '--out', 'n.onnx'], 1),
        (['bright.py', 'absent.pth', '--out', 'n.onnx'], 1),
        (['bright.py', 'bright.pth', '--out', 'n.onnx', '--size', '16'], 1),
        (['bright.py', 'bright.pth', '--out', 'n.bin'], 2),
        (['bright.py', 'bright.pth', '--out', 'n.onnx', '--int8', 'static'], 2),
        (['bright.py', 'bright.pth', '--out', 'n.onnx', '--masks', 'masks'], 2),
        (['bright.py', 'bright.pth', '--out', 'n.onnx', '--size', '64', '64', '64'], 2),
    ],
)
def test_failures(project, words, code):
    if code == 2:
        with pytest.raises(SystemExit) as exit_info:
            export.main(words)
        assert exit_info.value.code == 2
    else:
        assert export.main(words) == 1
    assert not list(project.glob('*.onnx'))
