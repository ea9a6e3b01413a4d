"""SimIRSTD, every part of it, as an ONNX model; tracing it takes a minute.

`benchmarks/exported_speed.py` exports models of full width and with open sizes.
"""

import numpy as np
import pytest
import torch

pytest.importorskip('onnxruntime')
pytest.importorskip('onnxscript')

from mmirstd.apis import IRSTDInferencer
from mmirstd.export.model import ExportModel, describe_model
from mmirstd.export.onnx_file import export_onnx
from mmirstd.inference.onnx_detector import OnnxDetector


@pytest.mark.slow
def test_the_full_model_exports_with_open_batch(tmp_path):
    torch.manual_seed(0)
    inferencer = IRSTDInferencer('simirstd_synthetic', fuse=False, untrained=True)
    for module in inferencer.model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_var.uniform_(0.5, 2)
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
    result = export_onnx(
        ExportModel(inferencer.model),
        tmp_path / 'simirstd.onnx',
        describe_model(inferencer),
        size=(128, 128),
        dynamic=['batch'],
        inferencer=inferencer,
    )
    assert {check.shape[0] for check in result.checks} == {1, 2, 3}
    image = np.random.default_rng(0).integers(0, 255, (200, 170), np.uint8)
    expected, given = inferencer(image)[0], OnnxDetector(result.path)(image)[0]
    np.testing.assert_allclose(given.probability, expected.probability, atol=1e-4)
