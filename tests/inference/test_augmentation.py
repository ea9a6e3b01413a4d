import numpy as np
import pytest
import torch
from bright_model import scene
from mmengine.structures import PixelData

from mmirstd.apis import IRSTDInferencer
from mmirstd.inference.frames.augmentation import VIEWS, predict_mirrored
from mmirstd.models.segmentors.test_time_augmentation import IRSTDTTAModel

RNG = np.random.default_rng(0)


def test_a_model_that_knows_no_side_is_unchanged():
    images = [RNG.random((5, 7)).astype(np.float32), RNG.random((5, 7)).astype(np.float32)]
    merged = predict_mirrored(images, lambda views: [view**2 for view in views])
    for image, probability in zip(images, merged, strict=True):
        np.testing.assert_allclose(probability, image**2, rtol=1e-6)
        assert probability.dtype == np.float32


def test_views_are_mirrored_back_and_averaged():
    """A model that answers with a fixed ramp, whatever it sees."""
    ramp = RNG.random((4, 6)).astype(np.float32)
    (merged,) = predict_mirrored([np.zeros((4, 6, 3), np.uint8)], lambda views: [ramp])
    expected = (ramp + ramp[:, ::-1] + ramp[::-1] + ramp[::-1, ::-1]) / 4
    np.testing.assert_allclose(merged, expected, rtol=1e-6)


def lopsided(inferencer):
    """Let the model look at a pixel's left and upper neighbours."""
    conv = torch.nn.Conv2d(3, 1, 2)
    torch.nn.init.normal_(conv.weight, 0, 0.5, generator=torch.Generator().manual_seed(0))
    inferencer.model.decode_head.conv_seg = torch.nn.Sequential(
        torch.nn.ZeroPad2d((1, 0, 1, 0)), conv
    )


def test_equal_to_the_segmentor_of_mim_test_on_the_same_views(bright):
    inferencer = IRSTDInferencer(*bright, tta=True)
    lopsided(inferencer)
    image = RNG.integers(0, 255, (20, 30), np.uint8)
    probability = inferencer(image)[0].probability
    plain = inferencer.predict([image])[0]
    assert np.abs(probability - plain).max() > 0.05
    views = []
    for axes in VIEWS:
        data = inferencer._pack(np.ascontiguousarray(np.flip(image, axes)))
        data = {'inputs': [data['inputs']], 'data_samples': [data['data_samples']]}
        with torch.inference_mode():
            (sample,) = inferencer.model.test_step(data)
        back = torch.flip(sample.seg_logits.data, [axis + 1 for axis in axes])
        sample.set_data({'seg_logits': PixelData(data=back)})
        views.append(sample)
    (merged,) = IRSTDTTAModel(inferencer.model).merge_preds([views])
    np.testing.assert_allclose(probability, merged.seg_logits.data[0].numpy(), atol=1e-6)


def test_tiles_and_the_background(bright):
    image = scene(150, 131, [(30, 40), (100, 100)])
    for options in ({}, {'tile': 64}):
        (result,) = IRSTDInferencer(*bright, tta=True, **options)(image)
        assert [(t.x, t.y, t.area) for t in result.targets] == [(40, 30, 9), (100, 100, 9)]
        assert result.probability[0, 0] == pytest.approx(1 / (1 + np.exp(8)), rel=1e-4)
