import numpy as np
import pytest
import torch

from mmirstd.apis import SemanticSAMPredictor
from mmirstd.inference.configs import load_config
from mmirstd.models.semantic_sam import SemanticSAM, SemanticSAMOutput

RECIPE = 'semantic_sam_cpu_synthetic'
SIDES = {'short_side': 96, 'long_side': 160}


@pytest.fixture(scope='module')
def predictor():
    torch.manual_seed(0)
    return SemanticSAMPredictor.from_config(RECIPE, untrained=True, **SIDES)


def image_of(height, width):
    pixels = np.random.default_rng(0).integers(0, 80, (height, width), np.uint8)
    pixels[20:24, 30:33] = 250
    return pixels


def test_answers_have_the_size_of_the_image(predictor):
    predictor.set_image(image_of(60, 90))
    answer = predictor.predict_points([(31, 22), (5, 50)])
    assert answer.masks.shape == (2, 6, 60, 90)
    assert answer.masks.dtype == bool
    assert answer.scores.shape == (2, 6)
    assert answer.logits.shape == (2, 6, 24, 40)  # 96 x 144, padded to 96 x 160
    assert predictor.predict(boxes=[(28, 18, 36, 26)]).masks.shape == (1, 6, 60, 90)


def test_the_longer_side_is_limited(predictor):
    predictor.set_image(image_of(40, 160))
    assert predictor._frame() == ((40, 160), (64, 160))


def test_prompts_change_the_answer_but_not_each_other(predictor):
    predictor.set_image(image_of(64, 64))
    points = [(31, 22), (5, 60), (50, 10)]
    together = predictor.predict(points)
    assert np.abs(together.logits[0] - together.logits[1]).max() > 1e-4
    alone = predictor.predict(points[1:2])
    np.testing.assert_allclose(alone.logits[0], together.logits[1], atol=1e-4)
    leaking = SemanticSAMPredictor(predictor.model, independent=False, **SIDES)
    leaking.set_image(image_of(64, 64))
    assert np.abs(leaking.predict(points).logits - together.logits).max() > 1e-4


def recorded(predictor, masks=None):
    """Prompts that reach the model."""
    seen = {}

    def decode(features, boxes, kinds, independent, auxiliary):
        seen.update(boxes=boxes[0], kinds=kinds[0], maps=features)
        h, w = features[0].shape[-2:]
        logits = torch.zeros(1, len(boxes[0]), 6, h, w) if masks is None else masks
        return SemanticSAMOutput(logits, torch.zeros(logits.shape[:3]), None, [])

    return seen, decode


def test_prompts_are_relative_to_the_padded_image(predictor, monkeypatch):
    seen, decode = recorded(predictor)
    monkeypatch.setattr(predictor.model, 'decode', decode)
    predictor.set_image(image_of(60, 90))  # scale 1.6, padded to 96 x 160
    predictor.predict(points=[(30, 20)])
    expected = [30.5 * 1.6 / 160, 20.5 * 1.6 / 96, 6 / 160, 6 / 96]
    torch.testing.assert_close(seen['boxes'], torch.tensor([expected]))
    assert seen['kinds'].tolist() == [0]
    predictor.predict(boxes=[(0, 0, 90, 60), (10, 20, 30, 50)])
    expected = [
        [45 * 1.6 / 160, 30 * 1.6 / 96, 90 * 1.6 / 160, 60 * 1.6 / 96],
        [20 * 1.6 / 160, 35 * 1.6 / 96, 20 * 1.6 / 160, 30 * 1.6 / 96],
    ]
    torch.testing.assert_close(seen['boxes'], torch.tensor(expected))
    assert seen['kinds'].tolist() == [1, 1]


def test_padding_is_cut_off_the_mask(predictor, monkeypatch):
    """Logits that rise with x: half of the image lies right of its own middle."""
    ramp = (torch.arange(40.0) + 0.5 - 18).expand(1, 1, 6, 24, 40)  # the image ends at 36
    _, decode = recorded(predictor, ramp)
    monkeypatch.setattr(predictor.model, 'decode', decode)
    predictor.set_image(image_of(60, 90))
    mask = predictor.predict(points=[(30, 20)]).masks[0, 0]
    assert mask[:, 45:].all()
    assert not mask[:, :45].any()


def test_sixteen_bits_equal_eight(predictor):
    image = image_of(40, 40)
    predictor.set_image(image)
    eight = predictor.predict([(31, 22)]).logits
    predictor.set_image(image.astype(np.uint16) * 257)
    np.testing.assert_allclose(predictor.predict([(31, 22)]).logits, eight, atol=1e-3)


def test_unusable_prompts_and_models_are_named(predictor):
    fresh = SemanticSAMPredictor(predictor.model, **SIDES)
    with pytest.raises(RuntimeError, match='set_image'):
        fresh.predict([(1, 1)])
    predictor.set_image(image_of(40, 60))
    with pytest.raises(ValueError, match='either points or boxes'):
        predictor.predict()
    with pytest.raises(ValueError, match='either points or boxes'):
        predictor.predict([(1, 1)], [(1, 1, 2, 2)])
    with pytest.raises(ValueError, match=r'\[60.0, 5.0\].*outside'):
        predictor.predict([(60, 5)])
    with pytest.raises(ValueError, match=r'\(P, 2\)'):
        predictor.predict([])
    with pytest.raises(ValueError, match='0 <= x1 < x2 <= 60'):
        predictor.predict(boxes=[(10, 10, 5, 20)])
    with pytest.raises(ValueError, match='short_side=200'):
        SemanticSAMPredictor(predictor.model, short_side=200, long_side=100)
    with pytest.raises(ValueError, match='needs a SemanticSAM'):
        SemanticSAMPredictor(torch.nn.Linear(1, 1))
    with pytest.raises(ValueError, match='got one with SAMHead'):
        SemanticSAMPredictor.from_config('sam_cpu_synthetic', untrained=True)


def test_backbones_of_mmseg_serve_as_well(predictor):
    """The segmentor's encoder and MMSeg's Swin are one model at one size."""
    cfg = load_config(RECIPE).model
    sizes = {
        key: value for key, value in cfg.backbone.items() if key not in ('type', 'arch', 'img_size')
    }
    plain = SemanticSAM(
        {'type': 'mmseg.SwinTransformer', **sizes},
        dict(cfg.decode_head.pixel_decoder),
        dict(cfg.decode_head.mask_decoder),
    ).eval()
    plain.load_state_dict(predictor.model.state_dict(), strict=True)
    image = torch.randn(1, 3, 50, 70)
    with torch.no_grad():
        for one, other in zip(
            plain.extract_features(image), predictor.model.extract_features(image), strict=True
        ):
            torch.testing.assert_close(one, other)
