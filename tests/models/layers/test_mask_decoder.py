import pytest
import torch

from mmirstd.models.layers.attention import set_folded
from mmirstd.models.layers.mask_decoder import (
    EfficientSAMMaskDecoder,
    HQMaskDecoder,
    SAMMaskDecoder,
)
from mmirstd.models.layers.position import FourierPosition

SMALL = {'num_heads': 2, 'mlp_dims': 32}


def decoder_of(kind):
    torch.manual_seed(0)
    extra = {'early_channels': 12} if kind is HQMaskDecoder else {}
    return kind(32, **extra, **SMALL).eval()


def inputs(n=1, b=1, tokens=2):
    g = torch.Generator().manual_seed(1)
    position = FourierPosition(16)(4, 6)
    return (
        torch.randn(n, 32, 4, 6, generator=g),
        position,
        torch.randn(b, tokens, 32, generator=g),
        torch.randn(1, 32, 1, 1, generator=g),
        torch.randn(n, 12, 4, 6, generator=g),
    )


KINDS = [SAMMaskDecoder, HQMaskDecoder, EfficientSAMMaskDecoder]


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('tokens', [0, 3])
def test_shapes(kind, tokens):
    masks, iou = decoder_of(kind)(*inputs(n=2, tokens=tokens))
    assert masks.shape == (2, 5 if kind is HQMaskDecoder else 4, 16, 24)
    assert iou.shape == (2, 4)


@pytest.mark.parametrize('kind', KINDS)
def test_prompts_are_independent_of_each_other(kind):
    decoder = decoder_of(kind)
    image, position, sparse, dense, early = inputs(b=3)
    masks, iou = decoder(image, position, sparse, dense, early)
    for i in range(3):
        alone = decoder(image, position, sparse[i : i + 1], dense, early)
        torch.testing.assert_close(masks[i : i + 1], alone[0], atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(iou[i : i + 1], alone[1], atol=1e-5, rtol=1e-5)
    assert not torch.allclose(masks[0], masks[1])


@pytest.mark.parametrize('kind', KINDS)
def test_folded_attention_changes_nothing(kind):
    decoder = decoder_of(kind)
    arguments = inputs(n=2)
    masks, _ = decoder(*arguments)
    set_folded(decoder, False)
    torch.testing.assert_close(decoder(*arguments)[0], masks, atol=1e-5, rtol=1e-5)


def test_the_variants_are_not_the_same_model():
    sam, efficient = decoder_of(SAMMaskDecoder), decoder_of(EfficientSAMMaskDecoder)
    efficient.load_state_dict(sam.state_dict())
    arguments = inputs()
    assert not torch.allclose(sam(*arguments)[0], efficient(*arguments)[0], atol=1e-3)


def test_hq_mask_depends_on_early_features_and_the_others_do_not():
    decoder = decoder_of(HQMaskDecoder)
    *rest, early = inputs()
    masks, _ = decoder(*rest, early)
    other, _ = decoder(*rest, 2 * early)
    assert torch.equal(masks[:, :4], other[:, :4])
    assert not torch.allclose(masks[:, 4], other[:, 4])
    with pytest.raises(ValueError, match='early_features'):
        decoder(*rest)
