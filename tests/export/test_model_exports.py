"""Every infrared model of the package, merged and as ONNX, equal to PyTorch."""

import numpy as np
import pytest
import torch

pytest.importorskip('onnxruntime')
pytest.importorskip('onnxscript')

from mmirstd.apis import IRSTDInferencer
from mmirstd.export.model import ExportModel, describe_model
from mmirstd.export.onnx_file import ExportError, check_image, export_onnx
from mmirstd.inference.configs import load_config, resize_to

SIDE = 128
NAMES = (
    'acm',
    'agpcnet',
    'alcnet',
    'dnanet',
    'fc3net',
    'hdnet',
    'isnet',
    'istdunet',
    'mshnet',
    'rdian',
    'resunet',
    'rpcanet',
    'sctransnet',
    'uiunet',
    'unet',
)


def make_inferencer(name):
    torch.manual_seed(0)
    config = load_config(f'{name}_nudt')
    resize_to(config, SIDE)  # nothing where the config tests at the native size
    inferencer = IRSTDInferencer(config, fuse=False, untrained=True)
    for module in inferencer.model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_var.uniform_(0.5, 2)
    return inferencer


@pytest.mark.parametrize('name', NAMES)
def test_merging_changes_nothing(name):
    inferencer = make_inferencer(name)
    description = describe_model(inferencer)
    side = description.square or SIDE
    image = check_image(side, side, description.channels, 0)
    if description.divide_by_maximum:
        image *= 255 / image.max()
    model = ExportModel(inferencer.model, description.channels)
    with torch.inference_mode():
        logits = model(torch.from_numpy(image).permute(2, 0, 1)[None])
    (expected,) = inferencer.predict([image if description.channels == 3 else image[..., 0]])
    np.testing.assert_allclose(logits.sigmoid()[0, 0].numpy(), expected, atol=1e-5)


def test_padding_to_a_multiple_is_part_of_the_model():
    """The common config pads test images with the mean to multiples of 32."""
    torch.manual_seed(0)
    inferencer = IRSTDInferencer(load_config('common_acm_nudt'), untrained=True)
    assert inferencer.model.data_preprocessor.test_cfg == {'size_divisor': 32}
    image = check_image(70, 90, 1, 0)
    with torch.inference_mode():
        model = ExportModel(inferencer.model, 1)
        logits = model(torch.from_numpy(image).permute(2, 0, 1)[None])
    (expected,) = inferencer.predict([image[..., 0]])
    assert expected.shape == (70, 90)
    np.testing.assert_allclose(logits.sigmoid()[0, 0].numpy(), expected, atol=1e-5)


def test_a_pipeline_that_a_runtime_cannot_repeat_is_refused():
    inferencer = make_inferencer('uiunet')
    assert describe_model(inferencer).divide_by_maximum
    resize, *rest = inferencer.steps
    inferencer.steps = [resize, {'type': 'mmirstd.DivideByMaximum'}, *rest]
    with pytest.raises(ValueError, match='DivideByMaximum of the test pipeline cannot be exported'):
        describe_model(inferencer)


# The operators of these are those of ACM and U-Net; a trace takes up to half a minute.
SAME_OPERATORS = {'alcnet', 'resunet'}


NOT_EXPORTED = {'agpcnet'}  # the exporter of torch 2.14 fails on it


@pytest.mark.slow
@pytest.mark.parametrize(
    'name', [name for name in NAMES if name not in SAME_OPERATORS | NOT_EXPORTED]
)
def test_onnx(name, tmp_path):
    inferencer = make_inferencer(name)
    description = describe_model(inferencer)
    side = description.square or SIDE
    try:
        result = export_onnx(
            ExportModel(inferencer.model, description.channels),
            tmp_path / 'net.onnx',
            description,
            size=(side, side),
            dynamic=['none'],  # open sizes take minutes to trace: benchmarks/exported_speed.py
            inferencer=inferencer,
        )
    except ExportError as error:
        if 'implementation for DeformConv' in str(error):
            pytest.skip('this onnxruntime has no deformable convolution (1.32 has)')
        raise
    # The model, and the whole way from images of other sizes too.
    assert {check.logits is None for check in result.checks} == {False, True}
    assert max(check.worst for check in result.checks) < 1e-4
