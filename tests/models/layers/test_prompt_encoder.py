import math

import pytest
import torch

from mmirstd.models.layers.prompt_encoder import EfficientSAMPromptEncoder, SAMPromptEncoder

SIZE = (64, 128)


@pytest.fixture
def encoder():
    torch.manual_seed(0)
    return SAMPromptEncoder(32).eval()


@pytest.fixture
def efficient():
    torch.manual_seed(0)
    return EfficientSAMPromptEncoder(32).eval()


def points(*coordinates):
    return torch.tensor([coordinates], dtype=torch.float32)


def position(encoder, x, y):
    """Half a pixel is added, x is divided by the width and y by the height."""
    relative = torch.tensor([(x + 0.5) / SIZE[1], (y + 0.5) / SIZE[0]])
    phase = 2 * math.pi * (2 * relative - 1) @ encoder.pe_layer.positional_encoding_gaussian_matrix
    return torch.cat([phase.sin(), phase.cos()])


def test_no_prompt_gives_no_token_and_the_no_mask_embedding(encoder):
    sparse, dense = encoder(image_size=SIZE)
    assert sparse.shape == (1, 0, 32)
    assert torch.equal(dense[0, :, 0, 0], encoder.no_mask_embed.weight[0])


def test_a_click_is_its_position_plus_its_kind_and_brings_a_padding_point(encoder):
    sparse, _ = encoder(points((100, 20)), torch.tensor([[1]]), image_size=SIZE)
    assert sparse.shape == (1, 2, 32)
    expected = position(encoder, 100, 20) + encoder.point_embeddings[1].weight[0]
    torch.testing.assert_close(sparse[0, 0], expected, atol=1e-5, rtol=1e-5)
    assert torch.equal(sparse[0, 1], encoder.not_a_point_embed.weight[0])


def test_background_click_differs_only_by_its_kind(encoder):
    target, _ = encoder(points((9, 7)), torch.tensor([[1]]), image_size=SIZE)
    background, _ = encoder(points((9, 7)), torch.tensor([[0]]), image_size=SIZE)
    kinds = [each.weight[0] for each in encoder.point_embeddings]
    torch.testing.assert_close(target[0, 0] - background[0, 0], kinds[1] - kinds[0])


def test_a_box_is_two_corners_without_padding(encoder):
    box = torch.tensor([[10.0, 20, 30, 40]])
    sparse, _ = encoder(boxes=box, image_size=SIZE)
    expected = torch.stack(
        [
            position(encoder, 10, 20) + encoder.point_embeddings[2].weight[0],
            position(encoder, 30, 40) + encoder.point_embeddings[3].weight[0],
        ]
    )
    torch.testing.assert_close(sparse[0], expected, atol=1e-5, rtol=1e-5)
    both, _ = encoder(points((5, 5)), torch.tensor([[1]]), box, image_size=SIZE)
    torch.testing.assert_close(both[:, 1:], sparse)


def test_a_mask_becomes_the_dense_prompt_at_a_quarter(encoder):
    sparse, dense = encoder(masks=torch.randn(2, 1, 16, 32), image_size=SIZE)
    assert sparse.shape == (1, 0, 32)
    assert dense.shape == (2, 32, 4, 8)


def test_efficient_sam_pads_with_invalid_points_that_keep_a_position(efficient):
    sparse, dense = efficient(points((100, 20)), torch.tensor([[1]]), image_size=SIZE)
    assert dense is None
    assert sparse.shape == (1, 6, 32)
    expected = position(efficient, 100, 20) + efficient.point_embeddings.weight[0]
    torch.testing.assert_close(sparse[0, 0], expected, atol=1e-5, rtol=1e-5)
    padding = position(efficient, -1, -1) + efficient.invalid_points.weight[0]
    torch.testing.assert_close(sparse[0, 1:], padding.expand(5, -1), atol=1e-5, rtol=1e-5)
    nothing, _ = efficient(image_size=SIZE)
    torch.testing.assert_close(nothing[0], padding.expand(6, -1), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ('kind', 'arguments', 'message'),
    [
        ('encoder', {'points': torch.zeros(1, 1, 2)}, 'labels must be given together'),
        ('encoder', {'points': torch.zeros(1, 2), 'labels': torch.zeros(1)}, r'\(B, P, 2\)'),
        ('encoder', {'boxes': torch.zeros(4)}, r'boxes must be \(B, 4\)'),
        (
            'encoder',
            {'points': torch.zeros(1, 1, 2), 'labels': torch.tensor([[7]])},
            r'labels \[7\]',
        ),
        (
            'encoder',
            {
                'points': torch.zeros(2, 1, 2),
                'labels': torch.zeros(2, 1),
                'boxes': torch.zeros(1, 4),
            },
            'give one row for each box',
        ),
        (
            'efficient',
            {'points': torch.zeros(1, 1, 2), 'labels': torch.zeros(1, 1)},
            r'labels \[0\]',
        ),
        (
            'efficient',
            {'points': torch.zeros(1, 7, 2), 'labels': torch.ones(1, 7)},
            'at most 6 points',
        ),
        ('efficient', {'masks': torch.zeros(1, 1, 4, 4)}, 'takes no mask prompts'),
    ],
)
def test_unusable_prompts_are_named(request, kind, arguments, message):
    with pytest.raises(ValueError, match=message):
        request.getfixturevalue(kind)(**arguments, image_size=SIZE)
