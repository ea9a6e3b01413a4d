"""Folded attention against torch's own, in outputs, gradients, dropout and work."""

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from mmirstd.models.layers import attention, one_pass
from mmirstd.models.layers.attention import Attention, ReadAttention, WriteAttention
from mmirstd.models.layers.interaction import BidirectionAttention
from mmirstd.models.layers.position import AxisPosition, SinePosition

N, Q, H, W, D, HEADS = 2, 5, 7, 6, 32, 4
T = H * W


def torch_twin(attention: Attention) -> nn.MultiheadAttention:
    """torch's attention that shares the parameters' values."""
    twin = nn.MultiheadAttention(D, attention.num_heads, attention.dropout, batch_first=True)
    projections = attention.q_proj, attention.k_proj, attention.v_proj
    with torch.no_grad():
        twin.in_proj_weight.copy_(torch.cat([p.weight for p in projections]))
        twin.in_proj_bias.copy_(torch.cat([p.bias for p in projections]))
        twin.out_proj.load_state_dict(attention.out_proj.state_dict())
    return twin.train(attention.training)


def randomised(attention: nn.Module) -> nn.Module:
    torch.manual_seed(0)
    for parameter in attention.parameters():
        nn.init.normal_(parameter, std=0.3)
    return attention


def inputs() -> tuple[Tensor, Tensor, Tensor, AxisPosition]:
    generator = torch.Generator().manual_seed(1)
    few = torch.randn(N, Q, D, generator=generator, requires_grad=True)
    many = torch.randn(N, T, D, generator=generator, requires_grad=True)
    common = torch.randn(D, generator=generator, requires_grad=True)
    return few, many, common, SinePosition(D // 2)(H, W, many)


def assert_same(ours: Tensor, theirs: Tensor, wrt: tuple[Tensor, ...]) -> None:
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)
    weights = torch.randn(ours.shape, generator=torch.Generator().manual_seed(2))
    for a, b in zip(
        torch.autograd.grad((ours * weights).sum(), wrt),
        torch.autograd.grad((theirs * weights).sum(), wrt),
        strict=True,
    ):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize('training', [False, True])
@pytest.mark.parametrize('dropout', [0.0, 0.5])
def test_reading_equals_torch(dropout: float, training: bool) -> None:
    attention = randomised(ReadAttention(D, HEADS, dropout=dropout)).train(training)
    few, many, common, position = inputs()
    twin = torch_twin(attention)
    torch.manual_seed(3)
    ours = attention(few, many, many, position, common)
    torch.manual_seed(3)
    keys = many + common + position.dense()
    theirs, _ = twin(few, keys, many + common, need_weights=True)
    assert_same(ours, theirs, (few, many, common))


@pytest.mark.parametrize('training', [False, True])
@pytest.mark.parametrize('dropout', [0.0, 0.5])
@pytest.mark.parametrize('residual', [False, True])
@pytest.mark.parametrize('heads', [HEADS, 8])
def test_writing_equals_torch(heads: int, residual: bool, dropout: float, training: bool) -> None:
    attention = randomised(WriteAttention(D, heads, dropout=dropout)).train(training)
    few, many, common, position = inputs()
    torch_attention = torch_twin(attention)
    placed = many + common + position.dense()
    if dropout and training:
        # Weights are laid out (queries, heads, tokens) here and (heads, tokens, queries) in
        # torch, so the same random numbers hit other entries: compare the expectation.
        draws = [attention(many, few, few, position, common) for _ in range(400)]
        theirs = [torch_attention(placed, few, few)[0] for _ in range(400)]
        ours, expected = torch.stack(draws), torch.stack(theirs)
        scale = expected.std(0).mean()
        assert (ours.mean(0) - expected.mean(0)).abs().mean() < 0.15 * scale
        assert abs(ours.std(0).mean() / scale - 1) < 0.05
        return
    ours = attention(many, few, few, position, common, many if residual else None)
    theirs, _ = torch_attention(placed, few, few)
    assert_same(ours, theirs + (many + common if residual else 0), (few, many, common))


@pytest.mark.parametrize('cls', [ReadAttention, WriteAttention])
@pytest.mark.parametrize('inner_dims', [None, D // 2])
@pytest.mark.parametrize('queries', [1, 2, 9])
@pytest.mark.parametrize('heads', [2, 8])  # 8 take another order of the same operations
def test_folded_equals_unfolded(
    cls: type, inner_dims: int | None, queries: int, heads: int
) -> None:
    attention = randomised(cls(D, heads, inner_dims=inner_dims)).double()
    _, many, common, position = inputs()
    position = AxisPosition(position.rows.double(), position.columns.double())
    many, common = many.detach().double().requires_grad_(), common.detach().double()
    few = torch.randn(N, queries, D, dtype=torch.float64, requires_grad=True)
    query, key = (few, many) if cls is ReadAttention else (many, few)
    folded = attention(query, key, key, position, common)
    attention.folded = False
    usual = attention(query, key, key, position, common)
    wrt = (few, many, *attention.parameters())
    torch.testing.assert_close(folded, usual)
    ours = torch.autograd.grad(folded.square().sum(), wrt, allow_unused=True)
    theirs = torch.autograd.grad(usual.square().sum(), wrt, allow_unused=True)
    for a, b in zip(ours, theirs, strict=True):
        # What the softmax removes gets no gradient here and a rounding error in the usual form.
        torch.testing.assert_close(torch.zeros_like(b) if a is None else a, b, atol=1e-9, rtol=1e-9)


def test_gradients_are_derivatives() -> None:
    few, many, common, _ = inputs()
    position = SinePosition(D // 2)(H, W, many)
    position = AxisPosition(position.rows.double(), position.columns.double())
    few, many, common = (x.detach().double().requires_grad_() for x in (few, many, common))
    for cls, order in ((ReadAttention, (few, many)), (WriteAttention, (many, few))):
        attention = randomised(cls(D, HEADS)).double()
        query, key = order
        assert torch.autograd.gradcheck(
            lambda q, k, attention=attention: attention(q, k, k, position, common)[:1, :2, :3],
            (query, key),
            fast_mode=True,
        )


@pytest.mark.parametrize('in_one_pass', [False, True])
@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16])
@pytest.mark.parametrize('placed', [False, True], ids=['position added before', 'position'])
@pytest.mark.parametrize('cls', [ReadAttention, WriteAttention])
def test_prediction_equals_training(cls, placed, dtype, in_one_pass, monkeypatch) -> None:
    """Both ways to make the scores, for which prediction measures the faster one."""
    if in_one_pass and not one_pass.can_compute(dtype):
        pytest.skip('no such operator here')
    used = []
    chosen = lambda _, ways: used.append(ways) or in_one_pass  # noqa: E731
    monkeypatch.setattr(attention, 'fastest', chosen)
    layer = randomised(cls(D, HEADS)).eval()
    few, many, common, position = inputs()
    query, key = (few, many) if cls is ReadAttention else (many, few)
    others = (position if placed else None, common)
    with torch.no_grad():
        monkeypatch.setattr(one_pass, 'is_usable', lambda _: False)
        expected = layer(query, key, key, *others)
        assert not used
        monkeypatch.undo()
        monkeypatch.setattr(attention, 'fastest', chosen)
        layer, common = layer.to(dtype), common.to(dtype)
        got = layer(query.to(dtype), key.to(dtype), key.to(dtype), others[0], common)
    assert len(used) == 1
    bound = 1e-5 if dtype == torch.float32 else 0.1
    torch.testing.assert_close(got.float(), expected, atol=bound, rtol=bound)


def test_half_precision_autocast_is_finite_and_close() -> None:
    layer = randomised(BidirectionAttention(D, num_heads=HEADS, ffn_dims=64))
    few, many, common, position = inputs()
    place = torch.randn(Q, D)
    exact = layer(few, many, place, position, common)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        coarse = layer(few, many, place, position, common)
    for a, b in zip(coarse, exact, strict=True):
        assert torch.isfinite(a).all()
        assert (a.float() - b).abs().max() < 0.3


@pytest.mark.parametrize('folded', [False, True])
@pytest.mark.parametrize('n', [4, 8])
def test_equation_5_counts_the_unfolded_form(n: int, folded: bool) -> None:
    """Term by term; the paper's 34 b n d^2 should be 48 with its own MLP of ratio 8.

    The paper counts two operations per multiply-add: 16 n d^2 for the eight projections of the
    queries, 4 * 8 n d^2 for the MLP, 8 hw d^2 for the four projections of the tokens,
    8 n hw d for the two products of each cross-attention and 4 n^2 d for the self-attention.
    """
    b, h, w, d, heads = 2, 16, 12, 64, 8
    layer = BidirectionAttention(d, num_heads=heads, ffn_dims=8 * d)
    layer.read.folded = layer.write.folded = folded
    queries, tokens = torch.randn(b, n, d), torch.randn(b, h * w, d)
    position, none = SinePosition(d // 2)(h, w, tokens), torch.zeros(n, d)
    with FlopCounterMode(display=False) as counter:
        layer(queries, tokens, none, position, torch.zeros(d))
    mlp_and_self = 32 * b * n * d**2 + (8 * b * n * d**2 + 4 * b * n**2 * d)
    if not folded:
        cross = 8 * b * n * d**2 + 8 * b * h * w * d**2 + 8 * b * n * h * w * d
    else:
        # Folding makes eight d x d projections of n queries out of four (the key of the last
        # query is the origin of the others) and none of the tokens; scores and sums then take
        # n heads vectors instead of n.
        cross = 16 * b * n * d**2 - 2 * b * d**2
        cross += 2 * b * h * w * d * heads * (n + n + (n - 1) + n)
        cross += b * heads * (n + n - 1) * (h + w) * d  # positions, added to the scores
        cross += 2 * b * n * d + 2 * b * (n - 1) * (d + heads * d)  # biases and level too
    assert counter.get_total_flops() == mlp_and_self + cross


def test_inner_width_must_divide_into_heads() -> None:
    with pytest.raises(ValueError, match='num_heads=5'):
        Attention(32, 5)
