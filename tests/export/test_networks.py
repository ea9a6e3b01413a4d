"""Every infrared network of the package as ONNX, equal to PyTorch."""

import numpy as np
import pytest
import torch

pytest.importorskip('onnxruntime')
pytest.importorskip('onnxscript')

from mmirstd.apis import IRSTDInferencer
from mmirstd.export.network import ExportNetwork, describe
from mmirstd.export.onnx_file import DYNAMIC, check_image, export_onnx

NETWORKS = ('acm', 'dnanet', 'fc3net', 'isnet', 'mshnet', 'sctransnet')


def make_inferencer(name):
    torch.manual_seed(0)
    inferencer = IRSTDInferencer(f'{name}_nudt')
    for module in inferencer.model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_var.uniform_(0.5, 2)
    return inferencer


@pytest.mark.parametrize('name', NETWORKS)
def test_merging_changes_nothing(name):
    inferencer = make_inferencer(name)
    description = describe(inferencer)
    side = description.square or 128
    image = check_image(side, side, description.channels, 0)
    network = ExportNetwork(inferencer.model, description.channels)
    with torch.inference_mode():
        logits = network(torch.from_numpy(image).permute(2, 0, 1)[None])
    (expected,) = inferencer.predict([image if description.channels == 3 else image[..., 0]])
    np.testing.assert_allclose(logits.sigmoid()[0, 0].numpy(), expected, atol=1e-5)


def test_a_pipeline_that_a_runtime_cannot_repeat_is_refused():
    with pytest.raises(ValueError, match='DivideByMaximum of the test pipeline cannot be exported'):
        describe(make_inferencer('uiunet'))


@pytest.mark.slow
@pytest.mark.parametrize('name', NETWORKS)
def test_onnx(name, tmp_path):
    inferencer = make_inferencer(name)
    description = describe(inferencer)
    side = description.square or 128
    result = export_onnx(
        ExportNetwork(inferencer.model, description.channels),
        tmp_path / 'net.onnx',
        description,
        size=(side, side),
        dynamic=DYNAMIC,
        inferencer=inferencer,
    )
    worst = max(check.worst for check in result.checks)
    print(f'{name}: open {result.dynamic}, worst {worst:.2g}')
    assert result.dynamic != 'none'
