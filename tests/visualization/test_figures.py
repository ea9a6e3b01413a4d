"""Heat maps; matplotlib's global state stays untouched."""

import sys

import numpy as np
import pytest

from mmirstd.visualization.feature_heatmap import (
    channel_energy,
    draw_feature_heatmaps,
    heat_overlay,
)


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
    figure.savefig(tmp_path / 'heat.png')
    assert (tmp_path / 'heat.png').read_bytes()[:4] == b'\x89PNG'
    with pytest.raises(ValueError, match='at least one'):
        draw_feature_heatmaps(np.zeros((4, 4), np.uint8), [])


def test_pyplot_is_not_imported():
    program = (
        'import sys, numpy as np\n'
        'from mmirstd.visualization.feature_heatmap import draw_feature_heatmaps\n'
        'draw_feature_heatmaps(np.eye(4), [("a", np.ones((1, 2, 2)))])\n'
        'sys.exit("matplotlib.pyplot" in sys.modules)'
    )
    import subprocess

    assert subprocess.run([sys.executable, '-c', program], check=False).returncode == 0
