import numpy as np
import pytest
import torch

from mmirstd.models.layers import feed_forward
from mmirstd.models.layers.feed_forward import MLP, FeedForward


def test_chunks_change_neither_outputs_nor_gradients() -> None:
    torch.manual_seed(0)
    whole = FeedForward(8, 64)
    chunked = FeedForward(8, 64, chunk_tokens=7)
    chunked.load_state_dict(whole.state_dict())
    x = torch.randn(2, 25, 8, requires_grad=True)
    torch.testing.assert_close(chunked(x), whole(x))
    grads = [
        torch.autograd.grad(net(x).square().sum(), (x, *net.parameters()))
        for net in (whole, chunked)
    ]
    for a, b in zip(*grads, strict=True):
        torch.testing.assert_close(a, b)


def test_chunks_never_hold_the_whole_hidden_map() -> None:
    widths = []
    net = FeedForward(8, 64, chunk_tokens=10)
    net.lin1.register_forward_hook(lambda _, __, out: widths.append(out.shape[0]))
    net(torch.randn(2, 25, 8))
    assert widths == [10] * 5


@pytest.mark.parametrize('chunk_tokens', [3, 7, 1000])
@pytest.mark.parametrize('mode', ['training', 'prediction with gradient', 'prediction'])
def test_every_way_is_two_layers_with_relu_between(chunk_tokens, mode) -> None:
    """Against the formula in float64, not against another way of the same class."""
    torch.manual_seed(1)
    net = FeedForward(8, 64, chunk_tokens=chunk_tokens).train(mode == 'training')
    x = torch.randn(2, 25, 8)
    first, second, b1, b2 = (
        value.detach().double().numpy()
        for value in (net.lin1.weight, net.lin2.weight, net.lin1.bias, net.lin2.bias)
    )
    expected = np.maximum(x.double().numpy() @ first.T + b1, 0) @ second.T + b2
    with torch.set_grad_enabled(mode != 'prediction'):
        found = net(x)
    assert found.requires_grad == (mode != 'prediction')
    np.testing.assert_allclose(found.detach().numpy(), expected, atol=1e-5)
    assert np.abs(expected).max() > 0.1


@pytest.mark.parametrize('in_one_pass', [False, True])
@pytest.mark.parametrize('activation', [torch.relu_, torch.nn.functional.gelu])
def test_prediction_and_training_apply_the_activation_once(
    activation, in_one_pass, monkeypatch
) -> None:
    chosen = lambda _, ways: max(name for name in ways if name[1] == in_one_pass)  # noqa: E731
    monkeypatch.setattr(feed_forward, 'fastest', chosen)
    monkeypatch.setattr(feed_forward, '_CHUNKS', (3, 5))
    net = FeedForward(8, 64, chunk_tokens=7, activation=activation)
    x = torch.randn(2, 25, 8)
    with torch.no_grad():
        hidden = torch.einsum('bnc,dc->bnd', x, net.lin1.weight) + net.lin1.bias
        expected = activation(hidden) @ net.lin2.weight.T + net.lin2.bias
        torch.testing.assert_close(net.eval()(x), expected)
    torch.testing.assert_close(net.train()(x).detach(), expected)


def test_prediction_stays_in_the_cache(monkeypatch) -> None:
    monkeypatch.setattr(feed_forward, '_CHUNKS', (10, 20))
    monkeypatch.setattr(feed_forward, 'fastest', lambda _, ways: min(ways))
    net = FeedForward(8, 64, chunk_tokens=1000).eval()
    x = torch.randn(1, 33, 8)
    rows = []
    activate = net.activation
    net.activation = lambda hidden: (rows.append(len(hidden)), activate(hidden))[1]
    with torch.inference_mode():
        net(x)
    assert rows == [10, 10, 10, 3]


def test_prediction_respects_what_was_put_around_a_layer() -> None:
    class Doubled(torch.nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return 2 * super().forward(x)

    net = FeedForward(8, 64, chunk_tokens=7).eval()
    net.lin2 = Doubled(64, 8)
    hooked = FeedForward(8, 64, chunk_tokens=7).eval()
    hooked.lin1.register_forward_hook(lambda _, __, out: 3 * out)
    x = torch.randn(2, 25, 8)
    for changed in (net, hooked):
        expected = changed.lin2(changed.lin1(x).relu())
        with torch.inference_mode():
            torch.testing.assert_close(changed(x), expected)


def test_mlp_has_the_asked_depth() -> None:
    assert [tuple(layer.weight.shape) for layer in MLP(4, 6, 2, 3).layers] == [
        (6, 4),
        (6, 6),
        (2, 6),
    ]
    assert len(MLP(4, 6, 2, 2).layers) == 2


def test_dtype_and_device_moves_reach_the_layers() -> None:
    assert FeedForward(8, 16).double()(torch.randn(1, 3, 8).double()).dtype == torch.float64
