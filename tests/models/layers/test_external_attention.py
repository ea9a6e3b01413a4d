import torch

from mmirstd.models.layers.external_attention import ExternalAttention


def test_affinities_are_normalised_twice():
    """Against the formula written with matrices, one image and one place at a time."""
    generator = torch.Generator().manual_seed(0)
    layer = ExternalAttention(6, memory=4).double().eval()
    for parameter in layer.parameters():
        parameter.data = 0.3 * torch.randn(parameter.shape, generator=generator).double()
    x = torch.randn(2, 6, 3, 5, generator=generator).double()
    with torch.no_grad():
        found = layer(x)
        for image, result in zip(x, found, strict=True):
            tokens = layer.entry(image[None])[0].flatten(1)  # channels x places
            scores = layer.keys.weight[:, :, 0] @ tokens
            over_places = scores.exp() / scores.exp().sum(dim=1, keepdim=True)
            affinity = over_places / over_places.sum(dim=0)
            read = layer.values.weight[:, :, 0] @ affinity
            expected = image + layer.out(read.unflatten(1, (3, 5))[None])[0]
            torch.testing.assert_close(result, expected, atol=1e-6, rtol=1e-6)


def test_keys_and_values_are_independent():
    layer = ExternalAttention(6, memory=4)
    before = layer.keys.weight.clone()
    layer.values.weight.data.zero_()
    assert torch.equal(layer.keys.weight, before)
