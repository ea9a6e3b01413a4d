"""The query encoder around every supported backbone family."""

import importlib.util

import pytest
import torch
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from torch import nn

from mmirstd.models.backbones.query_encoder import QueryEncoder
from mmirstd.models.backbones.repvit import RepViT
from mmirstd.models.backbones.stagewise import stages_of

SMALL = {'embed_dims': 16, 'num_heads': 2, 'ffn_dims': 16}
REPVIT = {
    'type': 'mmirstd.RepViT',
    'embed_dims': (8, 16, 24, 32),
    'depths': (1, 1, 2, 1),
    'stem_stride': 1,
}
BACKBONES = {
    'repvit': REPVIT,
    'stride_one': {
        'type': 'mmirstd.StrideOneResNet',
        'in_channels': 3,
        'channels': (8, 16, 24, 32),
        'blocks': (1, 2, 1, 1),
    },
    'resnet': {'type': 'ResNet', 'depth': 18, 'base_channels': 8},
    'resnet_v1c': {'type': 'ResNetV1c', 'depth': 18, 'base_channels': 8, 'stem_channels': 8},
    'swin': {
        'type': 'SwinTransformer',
        'embed_dims': 8,
        'depths': (1, 1, 1, 1),
        'num_heads': (1, 1, 2, 2),
        'window_size': 4,
    },
    'mit': {
        'type': 'MixVisionTransformer',
        'embed_dims': 8,
        'num_layers': [1, 1, 1, 1],
        'num_heads': [1, 1, 2, 2],
    },
    'timm_convnext': {
        'type': 'TIMMBackbone',
        'model_name': 'convnext_atto',
        'features_only': True,
        'pretrained': False,
        'dims': (8, 16, 24, 32),
        'depths': (1, 1, 1, 1),
    },
    'mmpretrain_convnext': {
        'type': 'mmpretrain.ConvNeXt',
        'arch': {'depths': [1, 1, 1, 1], 'channels': [8, 16, 24, 32]},
        'out_indices': (0, 1, 2, 3),
        'gap_before_final_norm': False,
    },
}


@pytest.fixture(autouse=True)
def scope() -> None:
    init_default_scope('mmseg')


def backbone_of(family: str) -> nn.Module:
    if family.startswith('mmpretrain') and importlib.util.find_spec('mmpretrain') is None:
        pytest.skip('the optional package mmpretrain is not installed')
    torch.manual_seed(0)
    backbone = MODELS.build(BACKBONES[family])
    backbone.eval()  # mmseg's train() returns None, so no chaining
    return backbone


@pytest.mark.parametrize('family', BACKBONES)
def test_stage_by_stage_is_the_backbone_itself(family: str) -> None:
    backbone = backbone_of(family)
    stages = stages_of(backbone)
    image = torch.randn(2, 3, 64, 96)
    with torch.no_grad():
        entries, outputs, x = [], [], image
        for stage in range(stages.count(backbone)):
            entries.append(stages.enter(backbone, stage, x))
            x = stages.blocks(backbone, stage, entries[-1])
            outputs.append(stages.output(backbone, stage, x))
        for ours, own in zip(outputs, backbone(image), strict=True):
            torch.testing.assert_close(ours, own, atol=1e-5, rtol=1e-4)
    assert tuple(x.shape[1] for x in entries) == stages.entry_channels
    assert tuple(x.shape[1] for x in outputs) == stages.channels
    assert stages.known_channels(backbone) is not None
    measured = stages._measure_channels(backbone, 3)
    assert tuple(map(tuple, measured)) == (stages.entry_channels, stages.channels)


@pytest.mark.parametrize('family', BACKBONES)
def test_queries_meet_every_backbone(family: str) -> None:
    encoder = QueryEncoder(backbone_of(family), **SMALL).train()
    features = encoder(torch.randn(2, 3, 64, 96))
    assert features.queries.shape == (2, 4, 16)
    early = features.early_masks['encoder']
    assert early.shape == (2, 1, *features[0].shape[-2:])
    loss = sum(x.square().mean() for x in features) + early.square().mean()
    (loss + features.queries.square().mean()).backward()
    assert {name for name, p in encoder.named_parameters() if p.grad is None} == set()


def options_of(**options: object) -> QueryEncoder:
    torch.manual_seed(0)
    return QueryEncoder(REPVIT, **{**SMALL, **options})


@pytest.mark.parametrize(
    'options',
    [
        {'share_interaction': False},
        {'share_level_embed': False},
        {'chain_dense': True},
        {'interact_at': 'exit'},
        {'early_query': 0, 'early_layers': 2},
        {'num_queries': 1},
        {'dense_dims': None, 'early_decoding': False},
    ],
    ids=str,
)
def test_every_reading_of_the_paper_runs_and_trains(options: dict) -> None:
    encoder = options_of(**options)
    features = encoder(torch.randn(1, 3, 33, 47))
    loss = sum(x.square().mean() for x in features) + features.queries.square().mean()
    for mask in features.early_masks.values():
        loss = loss + mask.square().mean()
    loss.backward()
    assert {name for name, p in encoder.named_parameters() if p.grad is None} == set()


def test_chaining_the_dense_queries_changes_the_last_stage_only() -> None:
    released, chained = options_of().eval(), options_of(chain_dense=True).eval()
    for parameter in released.parameters():  # fresh offsets would hide the difference
        nn.init.normal_(parameter, std=0.2)
    chained.load_state_dict(released.state_dict())
    image = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        a, b = released(image), chained(image)
    for x, y in zip(a[:3], b[:3], strict=True):
        torch.testing.assert_close(x, y)
    assert (a[3] - b[3]).abs().max() > 1e-4 * a[3].abs().max()


def test_batch_of_two_equals_two_batches_of_one() -> None:
    encoder = options_of(predict_early_mask=True).eval()
    images = torch.randn(2, 3, 24, 40)
    with torch.no_grad():
        both = encoder(images)
        for i in range(2):
            single = encoder(images[i : i + 1])
            torch.testing.assert_close(single.queries[0], both.queries[i], atol=1e-5, rtol=1e-4)
            torch.testing.assert_close(
                single.early_masks['encoder'][0],
                both.early_masks['encoder'][i],
                atol=1e-4,
                rtol=1e-4,
            )


def test_backbone_is_registered_once() -> None:
    encoder = options_of()
    names = [name for name, _ in encoder.named_parameters() if 'stem.conv1.c' in name]
    assert names == ['backbone.stem.conv1.c.weight']


def test_backbone_without_stages_gets_a_clear_message() -> None:
    with pytest.raises(TypeError, match=r'Conv2d cannot be entered between stages.*StageWise'):
        QueryEncoder(nn.Conv2d(3, 8, 1), **SMALL)


def test_wrong_arguments_are_named() -> None:
    backbone = RepViT(embed_dims=(8, 16, 24, 32), depths=(1, 1, 2, 1))
    for options, message in [
        ({'interact_at': 'middle'}, "interact_at='middle'"),
        ({'dense_dims': None}, 'needs dense queries'),
        ({'predict_early_mask': True, 'early_decoding': False}, 'needs early_decoding=True'),
        ({'early_query': 4}, 'early_query=4 is not one of 4'),
        ({'dense_dims': 6}, 'embed_dims=6 must be a multiple of 4'),
    ]:
        with pytest.raises(ValueError, match=message):
            QueryEncoder(backbone, **SMALL, **options)


def test_the_early_mask_is_left_out_of_prediction_unless_it_is_asked_for() -> None:
    encoder = options_of()
    image = torch.randn(1, 3, 32, 32)
    assert list(encoder.train()(image).early_masks) == ['encoder']
    with torch.no_grad():
        plain = encoder.eval()(image)
        encoder.predict_early_mask = True
        prompting = encoder(image)
    assert plain.early_masks == {}
    assert list(prompting.early_masks) == ['encoder']
    for a, b in zip((*plain, plain.queries), (*prompting, prompting.queries), strict=True):
        torch.testing.assert_close(a, b, atol=1e-6, rtol=1e-5)
