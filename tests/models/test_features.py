"""The carrier of maps, queries and early masks, and that every weight runs in its own module."""

import copy

import pytest
import torch
from model_tester import CONFIGS, build_model, labelled_samples
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree

from mmirstd.models.features import FeatureMaps
from mmirstd.models.logits import predict_logits


def maps() -> FeatureMaps:
    return FeatureMaps(
        [torch.randn(1, 2, 32, 32), torch.randn(1, 3, 16, 16)],
        torch.randn(1, 4, 8),
        {'encoder': torch.randn(1, 1, 32, 32)},
        image_size=(30, 20),
        padded_size=(32, 32),
    )


def test_containers_of_torch_see_every_tensor_and_lose_nothing() -> None:
    before = maps()
    doubled = _pytree.tree_map(lambda tensor: 2 * tensor, before)
    assert len(_pytree.tree_leaves(before)) == 4
    assert isinstance(doubled, FeatureMaps)
    torch.testing.assert_close(doubled.queries, 2 * before.queries)
    torch.testing.assert_close(doubled.early_masks['encoder'], 2 * before.early_masks['encoder'])
    assert [tuple(each.shape) for each in doubled] == [(1, 2, 30, 20), (1, 3, 15, 10)]
    assert doubled.image_size == (30, 20)


def test_half_a_size_is_refused() -> None:
    with pytest.raises(ValueError, match='must be given together'):
        FeatureMaps([torch.zeros(1, 1, 2, 2)], image_size=(2, 2))


class UsedInside(TorchFunctionMode):
    """Notes which parameters of ``owner`` are used, and which of them outside of its forward."""

    def __init__(self, owner: nn.Module) -> None:
        super().__init__()
        self.names = {id(p): name for name, p in owner.named_parameters()}
        self.used: set[str] = set()
        self.outside: set[str] = set()
        self.running = False
        owner.register_forward_pre_hook(self.start)
        owner.register_forward_hook(self.stop)

    def start(self, *_: object) -> None:
        self.running = True

    def stop(self, *_: object) -> None:
        self.running = False

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        for leaf in _pytree.tree_leaves((args, kwargs)):
            name = self.names.get(id(leaf))
            if name is not None and getattr(function, '__name__', '') != '__get__':
                self.used.add(name)
                if not self.running:
                    self.outside.add(name)
        return function(*args, **kwargs)


@pytest.fixture(scope='module')
def model() -> nn.Module:
    torch.manual_seed(0)
    return build_model(
        CONFIGS / 'simirstd_synthetic.py', **{'model.backbone.backbone.depths': (1, 1, 1, 1)}
    )


@pytest.mark.parametrize('part', ['backbone', 'neck', 'decode_head'])
def test_every_weight_is_used_inside_of_the_module_that_owns_it(
    model: nn.Module, part: str
) -> None:
    twin = copy.deepcopy(model).train()
    watch = UsedInside(twin.get_submodule(part))
    image = torch.randn(2, 3, 32, 32)
    labels = labelled_samples(torch.zeros(2, 32, 32).long())
    with watch:
        losses = twin.loss(image, labels)
    assert watch.outside == set()
    assert watch.used == {name for name, _ in twin.get_submodule(part).named_parameters()}
    assert {name.split('.')[1] for name in losses if 'early' in name} == {
        'early_encoder',
        'early_fpn',
    }


def test_parts_can_be_sharded(model: nn.Module) -> None:
    """After its forward pass, a sharded module gives its weights away until the next one."""
    distributed = pytest.importorskip('torch.distributed')
    from torch.distributed.fsdp import fully_shard

    twin = copy.deepcopy(model).train()
    image, labels = torch.randn(2, 3, 32, 32), labelled_samples(torch.zeros(2, 32, 32).long())
    torch.manual_seed(1)
    expected = sum(v for k, v in twin.loss(image, labels).items() if 'loss' in k)
    store = distributed.HashStore()
    distributed.init_process_group('gloo', store=store, rank=0, world_size=1)
    try:
        mesh = distributed.init_device_mesh('cpu', (1,))
        for part in (twin.backbone, twin.neck, twin.decode_head):
            fully_shard(part, mesh=mesh, reshard_after_forward=True)
        torch.manual_seed(1)
        got = sum(
            v.full_tensor() if hasattr(v, 'full_tensor') else v
            for k, v in twin.loss(image, labels).items()
            if 'loss' in k
        )
        got.backward()
    finally:
        distributed.destroy_process_group()
    torch.testing.assert_close(got, expected)
    assert all(p.grad is not None for p in twin.backbone.parameters())


def test_a_missing_prompt_is_named(model: nn.Module) -> None:
    twin = copy.deepcopy(model).eval()
    twin.neck.early_decoding = False
    image = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        with pytest.raises(ValueError, match=r'dense_prompt=True.*predict_early_mask=True'):
            predict_logits(twin, image)
        twin.backbone.predict_early_mask = True
        assert predict_logits(twin, image).shape == (1, 1, 16, 16)
        with pytest.raises(ValueError, match='received 0'):
            twin.decode_head.predict_logits(tuple(twin.extract_feat(image)))
