import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip('onnxruntime')
pytest.importorskip('onnxscript')

from mmirstd.apis import IRSTDInferencer
from mmirstd.export.model import ExportModel, describe_model
from mmirstd.export.onnx_file import (
    ExportError,
    check_image,
    export_onnx,
    verify,
)
from mmirstd.inference.onnx_description import Description
from mmirstd.inference.onnx_detector import OnnxDetector, resize_bilinear
from mmirstd.models.layers.feature_maps import crop_to_image, pad_to_multiple

ROOT = Path(__file__).resolve().parents[2]

RECIPE = """
default_scope = 'mmseg'
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True),
    backbone=dict(
        type='mmirstd.RepViT', stem_stride=2, embed_dims=(8, 16, 24, 32), depths=(1, 1, 1, 1)),
    decode_head=dict(
        type='FCNHead', in_channels=8, channels=8, in_index=0, num_convs=1, concat_input=False,
        num_classes=2, out_channels=CHANNELS, threshold=0.4, align_corners=ALIGN,
        norm_cfg=dict(type='BN'),
        loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=CHANNELS == 1)),
    test_cfg=dict(mode='whole'))
test_pipeline = [
    dict(type='LoadImageFromFile', _scope_='mmirstd', channels=3, intensity_range=(0, 16383)),
    RESIZE
    dict(type='PackSegInputs')]
"""


def make_inferencer(folder, channels=1, align=False, square=96):
    resize = f"dict(type='mmirstd.ResizeToSquare', size={square})," if square else ''
    text = RECIPE.replace('CHANNELS', str(channels)).replace('ALIGN', str(align))
    (folder / 'net.py').write_text(text.replace('RESIZE', resize))
    torch.manual_seed(0)
    inferencer = IRSTDInferencer(folder / 'net.py', fuse=False, untrained=True)
    randomise(inferencer.model)
    return inferencer


def randomise(model):
    """Batch norm statistics and weights far from their initial values, so that fusing matters."""
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2)
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, 0, 0.3)


@pytest.fixture(scope='module')
def exported(tmp_path_factory):
    """(inferencer, model, export) of a small model behind a resizing pipeline."""
    folder = tmp_path_factory.mktemp('exported')
    inferencer = make_inferencer(folder)
    model = ExportModel(inferencer.model)
    result = export_onnx(
        model,
        folder / 'net.onnx',
        describe_model(inferencer, checkpoint_sha256='abc'),
        size=(96, 96),
        dynamic=['size'],
        inferencer=inferencer,
    )
    return inferencer, model, result


def test_batch_and_size_stay_open_and_everything_is_checked(exported):
    inferencer, _, result = exported
    assert result.dynamic == 'size'
    shapes = [check.shape for check in result.checks]
    assert {(1, 3, 64, 64), (2, 3, 129, 166), (3, 3, 96, 96), (2, 89, 115)} <= set(shapes)
    assert max(check.worst for check in result.checks) < 1e-4
    assert not list(result.path.parent.glob('.*'))
    description = OnnxDetector(result.path).description
    assert description == describe_model(inferencer, checkpoint_sha256='abc')
    assert description.square == 96
    assert description.threshold == 0.4
    assert tuple(description.intensity_range) == (0, 16383)


def test_runtime_equals_the_inferencer_with_and_without_tiles(exported):
    inferencer, _, result = exported
    image = (check_image(150, 230, 1, 5)[..., 0] * 60).astype(np.uint16)
    for options in ({}, {'tile': 96, 'overlap': 20, 'blend': 'linear'}):
        eager = IRSTDInferencer(inferencer.config, untrained=True, **options)
        eager.model = inferencer.model
        expected = eager(image, batch_size=3)[0]
        given = OnnxDetector(result.path, **options)(image, batch_size=3)[0]
        np.testing.assert_allclose(given.probability, expected.probability, atol=1e-4)
        assert len(given.targets) == len(expected.targets)


def test_convolutions_and_norms_are_merged(exported):
    inferencer, model, _ = exported
    before = sum(isinstance(m, torch.nn.BatchNorm2d) for m in inferencer.model.modules())
    after = sum(isinstance(m, torch.nn.BatchNorm2d) for m in model.modules())
    assert after < before / 4


def test_a_wrong_file_does_not_pass(exported, tmp_path):
    inferencer, _, result = exported
    other = ExportModel(inferencer.model)
    with torch.no_grad():
        other.segmentor.decode_head.conv_seg.bias += 0.01
    with pytest.raises(ExportError, match='deviates from PyTorch'):
        verify(other, result.path, (96, 96), 'size')

    class Restless(torch.nn.Module):
        """Computes something else each time; a file holds what it computed while exported."""

        calls = 0

        def forward(self, images):
            self.calls += 1
            return images[:, :1] * self.calls

    with pytest.raises(ExportError, match=r'was not written.*deviates'):
        export_onnx(Restless(), tmp_path / 'x.onnx', Description(), dynamic=['none'])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(('channels', 'align'), [(2, False), (1, True)])
def test_two_channels_and_aligned_corners(tmp_path, channels, align):
    inferencer = make_inferencer(tmp_path, channels, align, square=None)
    result = export_onnx(
        ExportModel(inferencer.model),
        tmp_path / 'net.onnx',
        describe_model(inferencer),
        size=(96, 64),
        dynamic=['none'],
        inferencer=inferencer,
    )
    detector = OnnxDetector(result.path)
    image = (check_image(70, 70, 1, 0)[..., 0] * 60).astype(np.uint16)
    with pytest.raises(ValueError, match='takes images of 96 x 64'):
        detector(image)


def test_the_runtime_needs_no_torch(exported):
    _, _, result = exported
    script = f"""
        import sys

        class Blocked:
            def find_spec(self, name, path=None, target=None):
                if name.partition('.')[0] in ('torch', 'mmengine', 'mmcv', 'mmseg', 'timm'):
                    raise ImportError(f'{{name}} is blocked')

        sys.meta_path.insert(0, Blocked())
        sys.path.insert(0, {str(ROOT)!r})
        import numpy as np
        from mmirstd.inference.onnx_detector import OnnxDetector
        detector = OnnxDetector({str(result.path)!r}, tile_size=96)
        detection, = detector(np.zeros((120, 100), np.uint16))
        assert detection.probability.shape == (120, 100)
        assert 'torch' not in sys.modules
        print('done')
    """
    done = subprocess.run(
        [sys.executable, '-c', textwrap.dedent(script)], capture_output=True, text=True, timeout=600
    )
    assert done.stdout.strip() == 'done', done.stderr


def test_files_that_are_no_model_are_explained(tmp_path):
    onnx = pytest.importorskip('onnx')
    with pytest.raises(FileNotFoundError, match='absent'):
        OnnxDetector(tmp_path / 'absent.onnx')
    (tmp_path / 'text.onnx').write_text('no model')
    with pytest.raises(ValueError, match=r'text\.onnx is not a model'):
        OnnxDetector(tmp_path / 'text.onnx')
    info = [onnx.helper.make_tensor_value_info(n, 1, ['n', 3, 'h', 'w']) for n in 'xy']
    node = onnx.helper.make_node('Identity', ['x'], ['y'])
    model = onnx.helper.make_model(
        onnx.helper.make_graph([node], 'g', info[:1], info[1:]),
        opset_imports=[onnx.helper.make_opsetid('', 18)],
        ir_version=10,
    )
    onnx.save(model, tmp_path / 'foreign.onnx')
    with pytest.raises(ValueError, match=r'foreign\.onnx.*not exported by mmirstd'):
        OnnxDetector(tmp_path / 'foreign.onnx')
    onnx.helper.set_model_props(model, {'mmirstd': '{"channels": 7}'})
    onnx.save(model, tmp_path / 'damaged.onnx')
    with pytest.raises(ValueError, match=r'damaged: channels=7'):
        OnnxDetector(tmp_path / 'damaged.onnx')


@pytest.mark.parametrize('align', [False, True])
@pytest.mark.parametrize('size', [(13, 40), (5, 7), (9, 20), (1, 1)])
def test_resizing_is_that_of_pytorch(align, size):
    values = np.random.default_rng(0).normal(size=(9, 20)).astype(np.float32)
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(values)[None, None], size=size, mode='bilinear', align_corners=align
    )
    np.testing.assert_allclose(
        resize_bilinear(values, size, align), expected[0, 0].numpy(), atol=1e-5
    )


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ({'path': 'net.pb'}, 'ends in .onnx'),
        ({'dynamic': ['all']}, 'must be among'),
        ({'size': (32, 64)}, 'size='),
    ],
)
def test_wrong_arguments(tmp_path, arguments, message):
    arguments = {'path': 'net.onnx', **arguments}
    path = tmp_path / arguments.pop('path')
    with pytest.raises(ValueError, match=message):
        export_onnx(torch.nn.Identity(), path, Description(), **arguments)


class PaddedModel(torch.nn.Module):
    """Pads as the infrared backbones do, goes down and up, cuts the padding off."""

    def __init__(self, minimum: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.minimum = minimum
        self.conv = torch.nn.Conv2d(1, 1, 3, padding=1)

    def forward(self, images):
        padded = pad_to_multiple(images / 255, 16, minimum=self.minimum)
        deep = self.conv(torch.nn.functional.max_pool2d(padded, 16))
        deep = torch.nn.functional.interpolate(deep, padded.shape[-2:], mode='bilinear')
        return crop_to_image(deep + padded, images.shape[-2:], padded.shape[-2:])


@pytest.mark.parametrize('minimum', [1, 112])
def test_an_export_at_a_multiple_pads_other_sizes(tmp_path, minimum):
    model = PaddedModel(minimum).eval()
    result = export_onnx(
        model, tmp_path / 'net.onnx', Description(channels=1), size=(96, 96), dynamic=['size']
    )
    assert {check.shape[-2:] for check in result.checks} == {(96, 96), (64, 64), (129, 166)}
    session = OnnxDetector(result.path).session
    for height, width in ((97, 96), (96, 111), (65, 143)):
        images = torch.rand(1, 1, height, width) * 255
        (given,) = session.run(None, {'images': images.numpy()})
        with torch.inference_mode():
            np.testing.assert_allclose(given, model(images).numpy(), atol=1e-5)


@pytest.mark.slow
def test_the_shipped_weights_take_any_size(tmp_path):
    inferencer = IRSTDInferencer('tiny', fuse=False)
    description = describe_model(inferencer)
    model = ExportModel(inferencer.model, description.channels)
    result = export_onnx(
        model, tmp_path / 'tiny.onnx', description, size=(64, 64), dynamic=['size'],
        inferencer=inferencer,
    )  # fmt: skip
    assert result.dynamic == 'size'
    image = np.random.default_rng(0).integers(900, 1100, (89, 126)).astype(np.uint16)
    expected, given = (
        each(image)[0].probability for each in (inferencer, OnnxDetector(result.path))
    )
    np.testing.assert_allclose(given, expected, atol=1e-4)


def test_sides_that_must_be_multiples(tmp_path):
    inferencer = make_inferencer(tmp_path, square=None)
    result = export_onnx(
        ExportModel(inferencer.model),
        tmp_path / 'net.onnx',
        describe_model(inferencer),
        size=(64, 96),
        dynamic=['multiple'],
    )
    assert (2, 3, 96, 192) in [check.shape for check in result.checks]
    detector = OnnxDetector(result.path)
    image = np.zeros((96, 128), np.uint16)
    assert detector(image)[0].probability.shape == (96, 128)
    with pytest.raises(ValueError, match='multiples of 32'):
        detector(image[:90])
    tiled = OnnxDetector(result.path, tile_size=64)
    assert tiled(image[:90])[0].probability.shape == (90, 128)
    with pytest.raises(ValueError, match=r'size=\(100, 64\) must be multiples'):
        export_onnx(
            torch.nn.Identity(), tmp_path / 'x.onnx', Description(), size=(100, 64),
            dynamic=['multiple'],
        )  # fmt: skip
