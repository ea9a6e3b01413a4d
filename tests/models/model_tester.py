"""What every model must satisfy, written once.

A new model is tested by a subclass of three lines::

    class TestNewNet(ModelTester):
        name = 'newnet'
        fixtures = {'newnet': Fixture(outputs=('output',), family=NEWNET)}
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from reference import Reference
from torch import Tensor, nn

from mmirstd.conversion.common import Family, convert
from mmirstd.models.features import FeatureMaps
from mmirstd.models.layers.feature_maps import pad_to_multiple

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'


@dataclass(frozen=True)
class Fixture:
    """Expected outputs of an original model.

    Attributes:
        family: Key rules.
        outputs: Names in the fixture, in the order in which our model returns them; empty names
            for what the fixture does not have.
        tolerance: Largest difference relative to max(1, largest value), from the fixtures' README.
        overrides: What to change in the model's config, for variants.
        inner: Names in the fixture of what `ModelTester.inner_outputs` returns.
        file: Name of the fixture's file, where it differs from the key in `ModelTester.fixtures`.
        amend: Changes the original's state dict before it is converted, as the fixture's README
            says.
        slow: The original takes more than ten seconds for it.
    """

    family: Family
    outputs: tuple[str, ...]
    tolerance: float = 1e-5
    overrides: dict = field(default_factory=dict)
    inner: tuple[str, ...] = ()
    file: str = ''
    amend: Callable[[dict[str, Tensor]], dict[str, Tensor]] | None = None
    slow: bool = False


def build_model(config: Path, **overrides: object) -> nn.Module:
    """The segmentor of a config file through MMSeg's registry."""
    init_default_scope('mmseg')
    cfg = Config.fromfile(config)
    cfg.merge_from_dict(overrides)
    return MODELS.build(cfg.model)


def fill_deterministically(model: nn.Module) -> None:
    """Weights that depend on the parameter's name and shape only, on any machine."""
    state = {}
    for name, value in model.state_dict().items():
        generator = np.random.Generator(np.random.PCG64(zlib.crc32(name.encode())))
        shape = tuple(value.shape)
        if name.endswith('num_batches_tracked'):
            array = np.zeros(shape)
        elif name.endswith('running_var') or (len(shape) == 1 and name.endswith('weight')):
            array = generator.uniform(0.5, 1.5, shape)
        elif len(shape) > 1:
            array = generator.standard_normal(shape) * np.sqrt(2 / np.prod(shape[1:]))
        else:
            array = 0.02 * generator.standard_normal(shape)
        state[name] = torch.from_numpy(np.asarray(array)).to(value.dtype)
    model.load_state_dict(state)


def labelled_samples(labels: Tensor) -> list[SegDataSample]:
    """Data samples for labels (N, H, W)."""
    return [
        SegDataSample(gt_sem_seg=PixelData(data=label[None]), metainfo={'img_shape': label.shape})
        for label in labels
    ]


def as_tuple(outputs: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return (outputs,) if isinstance(outputs, Tensor) else outputs


class ModelTester:
    """Inherited by one test class per model."""

    name: str
    fixtures: dict[str, Fixture] = {}
    parameters: dict[int, int]
    """Image channels -> number of parameters."""
    without_gradient: dict[str, str] = {}
    """Parameter-name prefix -> why the loss does not reach it."""
    native_sides = False
    train_size = 32

    def build(self, in_channels: int | None = None, **overrides: object) -> nn.Module:
        if in_channels is not None:
            overrides['model.backbone.in_channels'] = in_channels
        return build_model(CONFIGS / self.name / f'{self.name}_nudt.py', **overrides)

    def inner_outputs(self, model: nn.Module, image: Tensor) -> dict[str, Tensor]:
        """What ``model`` computes on its way, by the names in the fixture."""
        raise NotImplementedError

    @pytest.fixture(scope='class')
    def model(self) -> nn.Module:
        model = self.build(3).eval()
        fill_deterministically(model)
        return model

    @pytest.mark.parametrize('in_channels', [1, 3])
    def test_trains_with_any_number_of_channels(self, in_channels: int) -> None:
        torch.manual_seed(0)
        model = self.build(in_channels).train()
        model.init_weights()
        image = torch.randn(2, in_channels, self.train_size, self.train_size)
        labels = torch.zeros(2, self.train_size, self.train_size, dtype=torch.long)
        labels[:, 10:13, 14:18] = 1
        labels[0, :2] = 255
        losses = model.loss(image, labelled_samples(labels))
        total, _ = model.parse_losses(losses)
        assert torch.isfinite(total)
        total.backward()
        counts = sum(parameter.numel() for parameter in model.parameters())
        assert counts == self.parameters[in_channels]
        for name, parameter in model.named_parameters():
            if any(name.startswith(prefix) for prefix in self.without_gradient):
                assert parameter.grad is None, f'{name} is listed as unused but has a gradient'
            else:
                assert parameter.grad is not None, f'{name} received no gradient'
                assert torch.isfinite(parameter.grad).all(), name

    @pytest.mark.parametrize('size', [(32, 32), (33, 47), (50, 40)])
    def test_logits_have_the_size_of_the_image(self, model: nn.Module, size) -> None:
        image = torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(0))
        with torch.no_grad():
            outputs = as_tuple(model(image, mode='tensor'))
            prediction = model.encode_decode(image, [{'img_shape': size}])
            (sample,) = model.predict(image)
        checked = outputs[:1] if self.native_sides else outputs
        assert all(output.shape == (1, 1, *size) for output in checked)
        assert all(torch.isfinite(output).all() for output in outputs)
        torch.testing.assert_close(prediction, outputs[0])
        torch.testing.assert_close(sample.seg_logits.data, outputs[0][0].sigmoid())

    def test_equals_itself_on_the_padded_image(self, model: nn.Module) -> None:
        image = torch.randn(1, 3, 33, 47, generator=torch.Generator().manual_seed(1))
        padded = pad_to_multiple(image, model.backbone.size_multiple)
        with torch.no_grad():
            prediction = as_tuple(model(image, mode='tensor'))[0]
            expected = as_tuple(model(padded, mode='tensor'))[0][..., :33, :47]
        torch.testing.assert_close(prediction, expected)

    def test_backbone_carries_a_stock_head(self, model: nn.Module) -> None:
        head = MODELS.build(
            {
                'type': 'FCNHead',
                'in_channels': model.backbone.out_channels[-1],
                'channels': 4,
                'num_convs': 1,
                'num_classes': 2,
                'out_channels': 1,
                'threshold': 0.5,
                'loss_decode': {'type': 'CrossEntropyLoss', 'use_sigmoid': True},
            }
        )
        image = torch.randn(2, 3, 35, 37)
        with torch.no_grad():
            maps = model.backbone(image)
            losses = head.loss(maps, labelled_samples(torch.zeros(2, 35, 37).long()), {})
        assert isinstance(maps, FeatureMaps)
        assert tuple(each.shape[1] for each in maps) == tuple(model.backbone.out_channels)
        assert torch.isfinite(losses['loss_ce'])

    def test_wrong_channels_are_named(self, model: nn.Module) -> None:
        with pytest.raises(ValueError, match=r'in_channels=3.*\(1, 2, 32, 32\)'):
            model.backbone(torch.zeros(1, 2, 32, 32))

    def test_evaluation_is_deterministic_and_state_survives(self, model: nn.Module) -> None:
        image = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(2))
        twin = self.build(3).eval()
        twin.load_state_dict(model.state_dict(), strict=True)
        with torch.no_grad():
            first = as_tuple(model(image, mode='tensor'))
            again = as_tuple(model(image, mode='tensor'))
            other = as_tuple(twin(image, mode='tensor'))
        for one, two, three in zip(first, again, other, strict=True):
            assert torch.equal(one, two)
            assert torch.equal(one, three)

    @pytest.mark.slow
    def test_exported_program_equals_eager(self, model: nn.Module) -> None:
        image = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(3))
        program = torch.export.export(_Predictor(model), (image,))
        with torch.no_grad():
            torch.testing.assert_close(
                program.module()(image), model(image, mode='tensor'), atol=1e-5, rtol=1e-5
            )

    def test_equals_the_original(self, fixture_name: str) -> None:
        fixture = self.fixtures[fixture_name]
        reference = Reference(fixture.file or fixture_name)
        model = self.build(**fixture.overrides).eval()
        source = fixture.amend(reference.state) if fixture.amend else reference.state
        model.load_state_dict(convert(source, fixture.family, model.state_dict()))
        image = reference.input()
        with torch.no_grad():
            outputs = as_tuple(model(image, mode='tensor'))
            inner = self.inner_outputs(model, image) if fixture.inner else {}
        named = dict(zip(fixture.outputs, outputs, strict=True))
        named.pop('', None)
        named |= {name: inner[name] for name in fixture.inner}
        reference.check(fixture.tolerance, **named)


class _Predictor(nn.Module):
    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, image: Tensor) -> Tensor | tuple[Tensor, ...]:
        return self.model(image, mode='tensor')
