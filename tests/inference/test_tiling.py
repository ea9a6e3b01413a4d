import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmirstd.evaluation.components import find_components
from mmirstd.inference.frames.tiling import BLENDS, Tiling, predict_tiled, tile_starts, tile_weights


@given(
    size=st.integers(8, 64),
    share=st.floats(0, 0.5),
    extra=st.integers(0, 300),
    blend=st.sampled_from(BLENDS),
)
@settings(max_examples=200, deadline=None)
def test_tiles_cover_the_axis_and_weights_sum_to_one(size, share, extra, blend):
    overlap, length = int(share * size), size + extra
    starts = tile_starts(length, size, overlap)
    assert starts[0] == 0
    assert starts[-1] == length - size
    steps = np.diff(starts)
    assert (steps <= size - overlap).all()
    weights = tile_weights(starts, length, size, blend)
    total = np.zeros(length)
    for start, weight in zip(starts, weights, strict=True):
        total[start : start + size] += weight
    assert (weights > 0).all()
    np.testing.assert_allclose(total, 1, atol=1e-6)


def test_one_tile_more_only_when_it_is_needed():
    assert tile_starts(256, 256, 64) == [0]
    assert tile_starts(257, 256, 64) == [0, 1]
    assert tile_starts(448, 256, 64) == [0, 192]
    assert tile_starts(640, 256, 64) == [0, 192, 384]


@pytest.mark.parametrize('blend', BLENDS)
@pytest.mark.parametrize('shape', [(64, 64), (100, 65), (40, 200), (30, 31), (130, 97, 3)])
@pytest.mark.parametrize('batch_size', [1, 3])
def test_a_pixelwise_function_is_reproduced(blend, shape, batch_size):
    image = np.random.default_rng(0).random(shape, np.float32)

    def predict(tiles):
        assert len(tiles) <= batch_size
        return [tile if tile.ndim == 2 else tile[..., 0] for tile in tiles]

    result = predict_tiled(image, predict, Tiling(64, 16, blend), batch_size=batch_size)
    expected = image if image.ndim == 2 else image[..., 0]
    assert result.shape == shape[:2]
    np.testing.assert_allclose(result, expected, atol=1e-6)


def test_a_target_on_the_border_of_tiles_is_one_target():
    """A model that sees only what lies inside its tile, and nothing at its edges."""
    image = np.zeros((288, 288), np.float32)
    tiling = Tiling(96, 24)
    borders = sorted({*tile_starts(288, 96, 24)[1:], *tile_starts(288, 96, 0)[1:]})
    for y in borders:
        for x in borders:
            image[y - 2 : y + 3, x - 2 : x + 3] = 1  # across the corner of four tiles
    targets = len(borders) ** 2

    def blind_at_the_edge(tiles):
        maps = [tile.copy() for tile in tiles]
        for each in maps:
            each[:1] = each[-1:] = 0
            each[:, :1] = each[:, -1:] = 0
        return maps

    parts = find_components(predict_tiled(image, blind_at_the_edge, tiling) > 0.5)
    assert len(parts) == targets
    assert set(parts.areas.tolist()) == {25}
    # Cut without overlap, the same targets fall to pieces: the test can fail.
    parts = find_components(predict_tiled(image, blind_at_the_edge, Tiling(96, 0)) > 0.5)
    assert len(parts) > targets


def test_no_seam_where_tiles_disagree():
    """Tiles of different offset blend into steps no larger than the ramp's."""
    offsets = iter(np.linspace(0, 1, 9))
    result = predict_tiled(
        np.zeros((160, 160), np.float32),
        lambda tiles: [np.full(tile.shape, next(offsets)) for tile in tiles],
        Tiling(64, 16, 'linear'),
    )
    assert np.abs(np.diff(result, axis=1)).max() < 0.02
    assert np.abs(np.diff(result, axis=0)).max() < 0.05


def test_memory_is_that_of_the_map_and_a_few_tiles():
    frame = np.zeros((4096, 4096), np.uint8)
    tracemalloc.start()
    predict_tiled(frame, lambda tiles: [tile.astype(np.float32) for tile in tiles], Tiling(512))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < frame.size * 4 + 20 * 512 * 512 * 4


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ((4,), 'at least 8'),
        (('256',), 'at least 8'),
        ((64, 33), 'half of tile_size=64'),
        ((64, -1), 'between 0'),
        ((64, 8, 'box'), "blend='box'"),
    ],
)
def test_senseless_tilings_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Tiling(*arguments)


def test_a_map_of_the_wrong_size_is_refused():
    with pytest.raises(ValueError, match=r'\(16, 16\) for a tile of \(32, 32\)'):
        predict_tiled(np.zeros((40, 40)), lambda tiles: [tile[:16, :16] for tile in tiles],
                      Tiling(32))  # fmt: skip
