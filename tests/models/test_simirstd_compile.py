"""The whole model through torch.compile and torch.export."""

import pytest
import torch
from model_tester import CONFIGS, build_model
from torch import Tensor, nn


class Predictor(nn.Module):
    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        return self.model.decode_head(self.model.neck(self.model.backbone(images)))


@pytest.fixture(scope='module')
def predictor() -> Predictor:
    torch.manual_seed(0)
    small = {'model.backbone.backbone.depths': (1, 1, 1, 1)}  # tracing time grows with depth
    return Predictor(build_model(CONFIGS / 'simirstd_synthetic.py', **small).eval())


def assert_equal(ours: tuple[Tensor, ...], eager: tuple[Tensor, ...]) -> None:
    for a, b in zip(ours, eager, strict=True):
        torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-4)


def test_export_equals_eager(predictor: Predictor) -> None:
    images = torch.randn(1, 3, 32, 48)
    program = torch.export.export(predictor, (images,))
    with torch.no_grad():
        assert_equal(program.module()(images), predictor(images))


@pytest.mark.slow
def test_compiles_as_one_graph(predictor: Predictor) -> None:
    images = torch.randn(2, 3, 32, 32)
    torch.compiler.reset()
    compiled = torch.compile(predictor, fullgraph=True, backend='aot_eager')
    with torch.no_grad():
        assert_equal(compiled(images), predictor(images))


@pytest.mark.slow
def test_generated_code_equals_eager() -> None:
    # Two stages have every part of the model, and half as much to generate and compile.
    torch.manual_seed(0)
    stages = {
        'model.backbone.backbone.depths': (1, 1),
        'model.backbone.backbone.embed_dims': (16, 32),
        'model.neck.in_channels': [16, 32],
    }
    predictor = Predictor(build_model(CONFIGS / 'simirstd_synthetic.py', **stages).eval())
    images = torch.randn(1, 3, 32, 32)
    torch.compiler.reset()
    compiled = torch.compile(predictor, fullgraph=True)
    with torch.no_grad():
        assert_equal(compiled(images), predictor(images))
