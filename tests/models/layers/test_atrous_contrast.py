import pytest

from mmirstd.models.layers.atrous_contrast import AtrousContrastBlock


def test_initial_kernels_are_differences_to_the_surroundings():
    block = AtrousContrastBlock(3, 8)
    for conv in (block.near[0], block.far[0]):
        assert conv.weight.sum(dim=(1, 2, 3)).abs().max() < 1e-6
        assert (conv.weight[:, 0, 1, 1] == 1).all()
    assert block.centre.weight.sum(dim=(1, 2, 3)).tolist() == pytest.approx([1, 1])
    # The window's mean against that of a ring at distance 2: flat maps cancel.
    together = block.centre.weight.sum(dim=(1, 2, 3)) + block.ring.weight.sum(dim=(1, 2, 3))
    assert together.abs().max() < 1e-6
    assert all(conv.weight.requires_grad for conv in (block.centre, block.ring))


def test_channels_must_be_cut_into_four():
    with pytest.raises(ValueError, match='channels=6 must be a multiple of 4'):
        AtrousContrastBlock(3, 6)
