import torch

from mmirstd.models.layers.position import FourierPosition, SinePosition


def test_scores_per_axis_equal_scores_of_the_dense_encoding() -> None:
    position = SinePosition(6)(5, 7, torch.empty(0))
    vectors = torch.randn(2, 3, 12)
    torch.testing.assert_close(position.scores(vectors), vectors @ position.dense().t())


def test_sine_encoding_has_y_first_and_tells_pixels_apart() -> None:
    dense = SinePosition(8)(4, 6, torch.empty(0)).dense().view(4, 6, 16)
    assert (dense[1, :, :8] == dense[1, 0, :8]).all()
    assert (dense[:, 2, 8:] == dense[0, 2, 8:]).all()
    distances = torch.cdist(dense.flatten(0, 1), dense.flatten(0, 1))
    assert distances.fill_diagonal_(1).min() > 1e-3


def test_fourier_encoding_is_the_same_for_grid_and_coordinates() -> None:
    position = FourierPosition(16)
    grid = position(4, 5).view(4, 5, 32)
    point = torch.tensor([(2 + 0.5) / 5, (3 + 0.5) / 4])
    torch.testing.assert_close(position.encode(point), grid[3, 2])
    assert grid.abs().max() <= 1


def test_fourier_matrix_is_part_of_the_checkpoint() -> None:
    assert list(FourierPosition(4).state_dict()) == ['positional_encoding_gaussian_matrix']
