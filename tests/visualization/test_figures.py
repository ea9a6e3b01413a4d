"""Surfaces and heat maps; matplotlib's global state stays untouched."""

import sys

import numpy as np
import pytest

from mmirstd.visualization.feature_heatmap import (
    channel_energy,
    draw_feature_heatmaps,
    heat_overlay,
)
from mmirstd.visualization.figures import figure_to_rgb, save_figure
from mmirstd.visualization.surface import _reduce, intensity_surface


def test_energy_is_the_scaled_root_mean_square():
    feature = np.array([[[3.0, 0.0], [0.0, 0.0]], [[-4.0, 0.0], [0.0, 5.0]]])
    # Root mean squares: 5/sqrt(2) at both places, 0 elsewhere.
    assert channel_energy(feature).tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert channel_energy(np.full((3, 2, 2), 0.1)).tolist() == [[0.0, 0.0], [0.0, 0.0]]


@pytest.mark.parametrize(
    'feature', [np.zeros((2, 2)), np.zeros((0, 2, 2)), np.full((1, 2, 2), np.nan)]
)
def test_bad_features_are_refused_by_title(feature):
    with pytest.raises(ValueError, match="'stage 1': feature"):
        draw_feature_heatmaps(np.zeros((4, 4), np.uint8), [('stage 1', feature)])


def test_overlay_is_hot_where_the_energy_is():
    energy = np.zeros((4, 6))
    energy[0, 0] = 1.0
    picture = heat_overlay(np.zeros((33, 47), np.uint8), energy)
    assert picture.shape == (33, 47, 3)
    assert picture[0, 0].sum() > 3 * picture[-1, -1].sum()
    plain = heat_overlay(np.full((33, 47), 77, np.uint8), energy, opacity=0.0)
    assert (plain == 77).all()
    with pytest.raises(ValueError, match='opacity=2'):
        heat_overlay(np.zeros((4, 4), np.uint8), energy, opacity=2)


def test_heatmaps_of_any_resolution_make_one_figure(tmp_path):
    rng = np.random.default_rng(0)
    features = [(f'stage {k}', rng.normal(size=(4, 16 >> k, 24 >> k))) for k in range(4)]
    figure = draw_feature_heatmaps(rng.integers(0, 16383, (33, 47)).astype(np.uint16), features)
    assert [axes.get_title().split('  ')[0] for axes in figure.axes] == [
        'image', 'stage 0', 'stage 1', 'stage 2', 'stage 3',
    ]  # fmt: skip
    save_figure(figure, tmp_path / 'deep' / 'heat.png')
    assert (tmp_path / 'deep' / 'heat.png').read_bytes()[:4] == b'\x89PNG'
    with pytest.raises(ValueError, match='at least one'):
        draw_feature_heatmaps(np.zeros((4, 4), np.uint8), [])


def test_surface_draws_maps_side_by_side():
    image = np.zeros((40, 60), np.uint16)
    image[11, 13] = 9000
    figure = intensity_surface({'image': image, 'probability': image / 9000.0}, finest=20)
    assert [axes.get_title() for axes in figure.axes] == ['image', 'probability']
    picture = figure_to_rgb(figure)
    assert picture.shape == (400, 900, 3)
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 50


@pytest.mark.parametrize('shape', [(1, 1), (1, 20), (37, 21), (128, 129)])
def test_surface_of_any_shape(shape):
    figure_to_rgb(intensity_surface(np.ones(shape), finest=16))


@pytest.mark.parametrize('size', [7, 16, 33, 50])
def test_reduction_keeps_every_single_pixel_peak(size):
    for y in range(0, size, 3):
        values = np.zeros((size, size))
        values[y, size - 1 - y] = 5.0
        rows, columns, heights = _reduce(values, 8)
        assert heights.max() == 5.0
        assert heights.shape == (len(rows), len(columns))
        assert max(heights.shape) <= 8
        assert 0 <= rows[0] <= rows[-1] <= size - 1


def test_surface_box_and_errors():
    image = np.arange(100.0).reshape(10, 10)
    figure = intensity_surface(image, box=(2, 3, 6, 8))
    assert figure.axes[0].get_xlim()[0] <= 2 < 6 <= figure.axes[0].get_xlim()[1] + 2
    with pytest.raises(ValueError, match='holds no pixel'):
        intensity_surface(image, box=(20, 20, 30, 30))
    with pytest.raises(ValueError, match=r'expected \(H, W\)'):
        intensity_surface(np.zeros((3, 4, 5)))
    with pytest.raises(ValueError, match='maps is empty'):
        intensity_surface({})


def test_pyplot_is_not_imported():
    program = (
        'import sys, numpy as np\n'
        'from mmirstd.visualization.surface import intensity_surface\n'
        'from mmirstd.visualization.feature_heatmap import draw_feature_heatmaps\n'
        'intensity_surface(np.eye(4))\n'
        'draw_feature_heatmaps(np.eye(4), [("a", np.ones((1, 2, 2)))])\n'
        'sys.exit("matplotlib.pyplot" in sys.modules)'
    )
    import subprocess

    assert subprocess.run([sys.executable, '-c', program], check=False).returncode == 0
