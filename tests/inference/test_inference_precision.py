"""What the inferencer runs: the fused model, in a precision that was chosen by measuring."""

import numpy as np
import pytest
import torch
from bright_model import scene
from torch import nn

from mmirstd.apis import IRSTDInferencer
from mmirstd.inference import precision as choice
from mmirstd.inference.configs import load_config
from mmirstd.models.half import in_bfloat16
from mmirstd.models.layers.conv import ConvBNGELU


@pytest.fixture(scope='module')
def images() -> list[np.ndarray]:
    noise = np.random.default_rng(0).integers(0, 60, (2, 48, 64))
    return [(noise[i] + 0.7 * scene()).astype(np.uint8) for i in range(2)]


def trained_like(name: str, **overrides: object) -> tuple[object, dict]:
    """A config and weights whose batch norms are as after training."""
    config = load_config(name)
    config.merge_from_dict(overrides)
    torch.manual_seed(0)
    model = IRSTDInferencer(config, fuse=False, untrained=True).model
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 1.5)
    return config, model.state_dict()


@pytest.mark.parametrize(
    ('name', 'overrides'),
    [
        ('simirstd_synthetic', {}),
        ('simirstd_nudt', {'model.backbone.backbone.depths': (1, 1, 2, 1)}),
        ('dnanet_nudt', {}),
        ('uiunet_nudt', {}),
        ('hdnet_nudt', {}),
        ('mobile_sam_nudt', {'model.backbone.img_size': 64}),
    ],
)
def test_fusing_changes_no_mask(name, overrides, images, tmp_path) -> None:
    config, state = trained_like(name, **overrides)
    for step in config.test_pipeline:
        if 'ResizeToSquare' in step['type']:
            step['size'] = 64
    torch.save(state, tmp_path / 'weights.pth')
    plain = IRSTDInferencer(config, tmp_path / 'weights.pth', fuse=False)
    fused = IRSTDInferencer(config, tmp_path / 'weights.pth')
    for ours, theirs in zip(fused.predict(images), plain.predict(images), strict=True):
        assert theirs.std() > 1e-5, 'a flat answer would equal everything'
        np.testing.assert_allclose(ours, theirs, atol=1e-4)
        middle = float(np.median(theirs))  # random weights rarely cross one half
        unclear = np.abs(theirs - middle) < 1e-4
        assert ((ours > middle) == (theirs > middle))[~unclear].all()


def test_public_inference_is_fused_by_default() -> None:
    detect = IRSTDInferencer('simirstd_synthetic', untrained=True)
    assert not any(isinstance(m, (ConvBNGELU, nn.BatchNorm2d)) for m in detect.model.modules())
    convs = [m for m in detect.model.modules() if isinstance(m, nn.Conv2d) and m.kernel_size > (1,)]
    assert all(c.weight.is_contiguous(memory_format=torch.channels_last) for c in convs)
    plain = IRSTDInferencer('simirstd_synthetic', fuse=False, untrained=True)
    assert any(isinstance(m, nn.BatchNorm2d) for m in plain.model.modules())


def test_bfloat16_differs_by_rounding_only(images) -> None:
    torch.manual_seed(0)
    detect = IRSTDInferencer('simirstd_synthetic', untrained=True)
    single = detect.predict(images)
    detect._run.precision = 'bfloat16'
    half = detect.predict(images)
    assert all(p.dtype == np.float32 for p in half)
    for a, b in zip(single, half, strict=True):
        assert 0 < np.abs(a - b).max() <= choice.AGREEMENT
        assert len(np.unique(b)) > 1000, 'probabilities are not rounded to 8 bits'


@pytest.mark.parametrize('name', ['simirstd_synthetic', 'dnanet_nudt'])
def test_bfloat16_computes_in_one_precision(name, images) -> None:
    """From the image to the logits every convolution and product gets what it computes in."""
    detect = IRSTDInferencer(name, untrained=True, precision='bfloat16')
    dtypes = set()

    def note(module: nn.Module, inputs: tuple, output: object) -> None:
        dtypes.update(x.dtype for x in (*inputs, output) if isinstance(x, torch.Tensor))

    half = in_bfloat16(detect.model)
    hooks = [
        module.register_forward_hook(note)
        for module in half.modules()
        if isinstance(module, (nn.Conv2d, nn.Linear, nn.LayerNorm, nn.GroupNorm))
    ]
    assert len(hooks) > 20
    detect._run._copied, detect._run._half = detect.model, half
    detect.predict(images)
    assert detect._run._half is half, 'it did not fall back to autocast'
    assert dtypes == {torch.bfloat16}
    assert {p.dtype for p in detect.model.parameters()} == {torch.float32}


def test_a_model_that_mixes_precisions_runs_under_autocast(bright) -> None:
    detect = IRSTDInferencer(*bright, precision='bfloat16')
    exact = IRSTDInferencer(*bright).predict([scene()])[0]
    last = detect.model.decode_head.conv_seg
    last.register_forward_pre_hook(lambda _, inputs: (inputs[0].float(),))
    found = detect.predict([scene()])[0]
    assert detect._run._half is None
    assert np.abs(found - exact).max() < choice.AGREEMENT


@pytest.mark.parametrize(
    ('gain', 'error', 'chosen'),
    [(2.0, 0.0, 'bfloat16'), (1.05, 0.0, 'float32'), (2.0, 0.3, 'float32')],
)
def test_auto_takes_what_is_faster_and_agrees(bright, monkeypatch, gain, error, chosen) -> None:
    monkeypatch.setattr(choice, 'has_bfloat16_units', lambda _: True)
    clock = [0.0]
    monkeypatch.setattr(choice.time, 'perf_counter', lambda: clock[0])
    detect = IRSTDInferencer(*bright, precision='auto')
    used, run = [], detect._run._run

    def pretend(model: nn.Module, batch: dict, precision: str) -> list:
        used.append(precision)
        clock[0] += 1.0 if precision == 'float32' else 1.0 / gain
        samples = run(model, batch, 'float32')
        if precision == 'bfloat16':
            for sample in samples:
                sample.seg_logits.data = (sample.seg_logits.data - error).clamp(min=0)
        return samples

    monkeypatch.setattr(detect._run, '_run', pretend)
    black = np.zeros_like(scene())
    detect([black, black])
    assert used == ['float32'] * 2, 'images without targets say nothing'
    assert detect._run.precision == 'auto'
    used.clear()
    exact = detect([scene(), black], batch_size=2)
    assert used == ['float32', 'bfloat16', 'float32', 'bfloat16'], 'the first one warms up'
    assert exact[0].probability.max() > 0.5, 'answers are those of float32 meanwhile'
    used.clear()
    if error:
        assert detect._run.precision == 'float32', 'one difference is enough'
    else:
        assert detect._run.precision == 'auto', 'one image is not enough'
        detect([scene(), scene()], batch_size=2)
        assert used == ['float32', 'bfloat16']
    used.clear()
    detect([scene(), black])
    assert used == [chosen] * 2, 'it is chosen once'


def test_auto_on_a_processor_without_units_is_float32(bright, monkeypatch) -> None:
    monkeypatch.setattr(choice, 'has_bfloat16_units', lambda _: False)
    detect = IRSTDInferencer(*bright, precision='auto')
    assert detect._run.precision == 'float32'


def test_an_unknown_precision_is_refused(bright) -> None:
    with pytest.raises(ValueError, match=r"precision='half' must be one of"):
        IRSTDInferencer(*bright, precision='half')


def test_answers_agree_if_they_find_the_same_targets() -> None:
    exact = np.zeros((20, 20), np.float32)
    exact[4:8, 4:8] = exact[12:15, 12:15] = 0.6
    moved, lost, extra, edge = (exact.copy() for _ in range(4))
    moved[4:8, 4:8] = 0.75
    lost[12:15, 12:15] = 0.4
    extra[0, 0] = exact[0, 0] + 0.24
    edge[4, 4] = 0.4
    assert choice.answers_agree(exact, exact, 0.5)
    assert choice.answers_agree(exact, moved, 0.5)
    assert choice.answers_agree(exact, edge, 0.5)
    edge[4, 5] = 0.4
    assert not choice.answers_agree(exact, edge, 0.5), 'two pixels of 25 are more than one in 20'
    assert not choice.answers_agree(exact, lost, 0.5)
    assert choice.answers_agree(exact, extra, 0.5)
    assert not choice.answers_agree(exact, extra, 0.2), 'a new target at this threshold'
    assert not choice.answers_agree(exact, exact + 0.3, 0.95), 'probabilities far apart'
