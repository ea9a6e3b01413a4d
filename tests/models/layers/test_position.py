import pytest
import torch

from mmirstd.models.layers.position import FourierPosition, KeptEncodings, SinePosition


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


def encode(position: KeptEncodings, height: int, width: int) -> torch.Tensor:
    if isinstance(position, FourierPosition):
        return position(height, width, torch.bfloat16)
    return position(height, width, torch.empty(0)).dense()


@pytest.mark.parametrize('cls', [SinePosition, FourierPosition])
def test_a_fused_encoding_is_made_once_for_a_size(cls, monkeypatch) -> None:
    position = cls(8)
    sizes = [(4, 5), (5, 4), (4, 5), (2, 2)]
    expected = [encode(position, *size) for size in sizes]
    made, make = [], position._make
    monkeypatch.setattr(position, '_make', lambda *key: (made.append(key[:2]), make(*key))[1])
    with torch.inference_mode():
        encode(position, 4, 5), encode(position, 4, 5)
        assert made == [(4, 5)] * 2, 'nothing is kept before it is fused'
        made.clear()
        fused = position.fuse()
        for size, value in zip(sizes, expected, strict=True):
            assert torch.equal(encode(fused, *size), value)
        assert made == [(4, 5), (5, 4), (2, 2)]
        fused.forget()
        encode(fused, 4, 5)
        assert made[3:] == [(4, 5)]
        for side in range(1, 30):
            encode(fused, side, 3)
        assert len(fused._kept) <= fused._MOST
    made.clear()
    encode(fused, 29, 3)
    assert made, 'what inference keeps cannot carry a gradient'
