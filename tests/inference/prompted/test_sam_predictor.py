import numpy as np
import pytest
import torch
from mmengine.config import Config

from mmirstd.inference.configs import load_config
from mmirstd.inference.prompted.sam_predictor import SAMPredictor

RECIPES = (
    'sam_cpu_synthetic',
    'sam_hq_cpu_synthetic',
    'mobile_sam_cpu_synthetic',
    'efficient_sam_cpu_synthetic',
)
SIDE = 128


def predictor_of(name: str, **arguments) -> SAMPredictor:
    config: Config = load_config(name)
    config.model.backbone.img_size = SIDE
    torch.manual_seed(0)
    return SAMPredictor.from_config(config, untrained=True, **arguments)


@pytest.fixture(scope='module', params=RECIPES)
def predictor(request):
    return predictor_of(request.param)


def image_of(height, width):
    pixels = np.random.default_rng(0).integers(0, 80, (height, width), np.uint8)
    pixels[20:24, 30:33] = 250
    return pixels


def test_answers_have_the_size_of_the_image(predictor):
    predictor.set_image(image_of(60, 90))
    one = predictor.predict([(31, 22)], [1], multimask_output=False)
    assert one.masks.shape == (1, 1, 60, 90)
    assert one.masks.dtype == bool
    assert one.scores.shape == (1, 1)
    assert one.logits.shape == (1, 1, SIDE // 4, SIDE // 4)
    several = predictor.predict([(31, 22)], [1])
    assert several.scores.shape[1] == (1 if 'HQ' in type(predictor.head).__name__ else 3)


def test_every_prompt_changes_the_answer(predictor):
    predictor.set_image(image_of(64, 64))
    prompts = {
        'none': {},
        'point': {'point_coords': [(31, 22)], 'point_labels': [1]},
        'other point': {'point_coords': [(5, 60)], 'point_labels': [1]},
        'box': {'box': (28, 18, 36, 26)},
        'both': {'point_coords': [(31, 22)], 'point_labels': [1], 'box': (28, 18, 36, 26)},
    }
    if predictor.head.prompt_encoder.accepts_masks:
        logits = predictor.predict(multimask_output=False).logits[0, 0]
        prompts |= {
            'mask': {'mask_input': logits},
            'background': {'point_coords': [(31, 22)], 'point_labels': [0]},
        }
    answers = {
        name: predictor.predict(**prompt, multimask_output=False).logits
        for name, prompt in prompts.items()
    }
    names = list(answers)
    for i, first in enumerate(names):
        for second in names[:i]:
            assert not np.allclose(answers[first], answers[second], atol=1e-6), (first, second)


def test_boxes_at_once_equal_boxes_one_by_one(predictor):
    predictor.set_image(image_of(50, 70))
    boxes = np.array([(28, 18, 36, 26), (0, 0, 70, 50)])
    together = predictor.predict_boxes(boxes)
    for i, box in enumerate(boxes):
        alone = predictor.predict(box=box, multimask_output=False)
        np.testing.assert_allclose(together.logits[i], alone.logits[0], atol=1e-4)
        np.testing.assert_allclose(together.scores[i], alone.scores[0], atol=1e-4)


def test_no_prompt_equals_the_promptless_config(predictor):
    """On a square image both preparations are the same."""
    assert predictor.head.prompt == 'none'
    image = image_of(64, 64)
    predictor.set_image(image)
    logits = predictor.predict(multimask_output=False).logits[0]
    batch = predictor.model.data_preprocessor(
        {'inputs': [torch.from_numpy(image).expand(3, -1, -1)], 'data_samples': None}, False
    )['inputs']
    with torch.no_grad():
        expected = predictor.model(batch[..., :64, :64], mode='tensor')[0]
    np.testing.assert_allclose(logits, expected.numpy(), atol=1e-4)


def test_sixteen_bits_equal_eight():
    predictor = predictor_of(RECIPES[0])
    image = image_of(40, 40)
    predictor.set_image(image)
    eight = predictor.predict(multimask_output=False).logits
    predictor.set_image(image.astype(np.uint16) * 257)
    np.testing.assert_allclose(predictor.predict(multimask_output=False).logits, eight, atol=1e-4)


def test_padding_keeps_the_aspect_ratio_and_places_points():
    predictor = predictor_of(RECIPES[0])
    seen = {}
    predictor.encoder.patch_embed.register_forward_pre_hook(
        lambda module, args: seen.update(frame=args[0])
    )
    predictor.head.prompt_encoder.pe_layer.encode = lambda points: (
        seen.update(points=points) or torch.zeros(*points.shape[:-1], 32)
    )
    image = np.zeros((32, 64), np.uint8)
    image[8, 48] = 255
    predictor.set_image(image)
    frame = seen['frame'][0, 0]
    assert frame.shape == (SIDE, SIDE)
    assert (frame[SIDE // 2 :] == 0).all()
    y, x = divmod(int(frame.argmax()), SIDE)
    assert (x // 2, y // 2) == (48, 8)
    predictor.head.decode = lambda *_: (torch.zeros(1, 4, 32, 32), torch.zeros(1, 4))
    predictor.predict([(48, 8)], [1])
    torch.testing.assert_close(
        seen['points'][0, 0], torch.tensor([(96 + 0.5) / SIDE, (16 + 0.5) / SIDE])
    )


def test_padding_is_cut_off_the_mask():
    predictor = predictor_of(RECIPES[0])
    predictor.set_image(image_of(64, 128))
    low = torch.full((1, 4, 32, 32), -1.0)
    low[..., :16, 16:] = 1  # the right half of the image, whose lower half is padding
    predictor.head.decode = lambda *_: (low, torch.zeros(1, 4))
    mask = predictor.predict(multimask_output=False).masks[0, 0]
    assert mask[:60, 70:].all()
    assert not mask[:, :60].any()


def test_points_at_once_equal_points_one_by_one(predictor):
    predictor.set_image(image_of(50, 70))
    points = [(31, 22), (5, 40)]
    together = predictor.predict_points(points)
    for i, point in enumerate(points):
        alone = predictor.predict([point], [1])
        np.testing.assert_allclose(together.logits[i], alone.logits[0], atol=1e-4)
        np.testing.assert_allclose(together.scores[i], alone.scores[0], atol=1e-4)


def test_old_names_of_arguments_warn_and_work(predictor):
    predictor.set_image(image_of(50, 70))
    new = predictor.predict([(31, 22)], [1], multimask_output=False)
    with pytest.warns(DeprecationWarning, match='is now called') as caught:
        old = predictor.predict(points=[(31, 22)], labels=[1], multimask=False)
    np.testing.assert_array_equal(old.logits, new.logits)
    assert len(caught) == 3
    assert 'points is now called point_coords' in str(caught[0].message)
    with pytest.raises(TypeError, match='points is the old name of point_coords'):
        predictor.predict([(31, 22)], [1], points=[(31, 22)])
    with pytest.raises(TypeError, match='colour'):
        predictor.predict([(31, 22)], [1], colour=3)


def test_images_may_be_rgb(predictor):
    pixels = np.random.default_rng(1).integers(0, 255, (40, 60, 3), np.uint8)
    predictor.set_image(pixels)
    expected = predictor.predict(box=(10, 10, 20, 20)).logits
    predictor.set_image(pixels[..., ::-1], image_format='RGB')
    np.testing.assert_array_equal(predictor.predict(box=(10, 10, 20, 20)).logits, expected)
    predictor.set_image(pixels, image_format='RGB')
    assert not np.allclose(predictor.predict(box=(10, 10, 20, 20)).logits, expected)
    with pytest.raises(ValueError, match="image_format='HSV'"):
        predictor.set_image(pixels, 'HSV')


def test_unusable_prompts_are_named(predictor):
    fresh = SAMPredictor(predictor.model)
    with pytest.raises(RuntimeError, match='set_image'):
        fresh.predict()
    predictor.set_image(image_of(40, 60))
    with pytest.raises(ValueError, match=r'\[60.0, 5.0\].*outside'):
        predictor.predict([(60, 5)], [1])
    with pytest.raises(ValueError, match='given together'):
        predictor.predict([(6, 5)])
    with pytest.raises(ValueError, match='one label for each'):
        predictor.predict([(6, 5)], [1, 1])
    with pytest.raises(ValueError, match='0 <= x1 < x2 <= 60'):
        predictor.predict(box=(10, 10, 5, 20))
    with pytest.raises(ValueError, match=r'\(B, 4\)'):
        predictor.predict_boxes([])
    with pytest.raises(ValueError, match='32 x 32'):
        predictor.predict(mask_input=np.zeros((8, 8)))


def test_other_models_are_refused():
    with pytest.raises(ValueError, match='SAM family'):
        SAMPredictor(torch.nn.Linear(1, 1))
