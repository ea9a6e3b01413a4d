"""Statistics of a frame are those of the whole frame, however it is cut."""

import numpy as np
import pytest
from bright_model import CONFIG, write_model

from mmirstd.apis import IRSTDInferencer
from mmirstd.datasets.transforms import DivideByMaximum, StandardizeImage
from mmirstd.inference.frames.steps import FrameSteps, take_frame_steps


def frame():
    """Values 8 to 15, brighter in one corner only."""
    image = np.random.default_rng(0).integers(8, 16, (60, 70)).astype(np.uint8)
    image[:6, :6] = 180
    return image


@pytest.mark.parametrize('step', ['DivideByMaximum', 'StandardizeImage'])
def test_tiles_see_the_values_that_the_whole_frame_has(tmp_path, step):
    config = CONFIG.replace('RESIZE', f"dict(type='mmirstd.{step}'),")
    model = write_model(tmp_path, config)
    whole = IRSTDInferencer(*model)(frame())[0].probability
    tiled = IRSTDInferencer(*model, tile_size=16, overlap=4)(frame())[0].probability
    assert tiled == pytest.approx(whole, abs=1e-6)
    if step == 'DivideByMaximum':  # 15 of 180 stays dark, also in tiles without the corner
        assert whole[30, 30] < 0.01


def test_the_steps_are_those_of_training():
    image = frame()[..., None]
    for step, steps in (
        (DivideByMaximum(), FrameSteps(1, divide_by_maximum=True)),
        (StandardizeImage(), FrameSteps(1, standardize=(1e-4, 50.0))),
    ):
        assert np.array_equal(steps(image[..., 0], 'frame'), step({'img': image})['img'][..., 0])


def test_colour_becomes_gray_before_the_statistics_of_a_gray_model():
    colour = np.stack([frame(), frame() // 2, frame() // 4], axis=-1)
    result = FrameSteps(1, standardize=(0.0, 50.0))(colour, 'frame')
    assert result.shape == (60, 70)
    assert result.mean() == pytest.approx(0, abs=1e-5)
    assert result.std() == pytest.approx(1, abs=1e-4)


def test_only_the_first_steps_see_the_frame():
    resize = {'type': 'mmirstd.ResizeToSquare', 'size': 8}
    divide = {'type': 'mmirstd.DivideByMaximum'}
    standard = {'type': 'StandardizeImage', 'tail': 0.01, '_scope_': 'mmirstd'}
    steps, rest = take_frame_steps([divide, standard, resize], 3)
    assert steps == FrameSteps(3, True, (0.01, 50.0))
    assert rest == [resize]
    assert take_frame_steps([resize, divide], 1) == (FrameSteps(1), [resize, divide])
