import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from mmirstd.conversion.common import convert
from mmirstd.conversion.efficient_sam import EFFICIENT_SAM
from mmirstd.models.decode_heads.sam_head import EfficientSAMHead, SAMHead, SAMHQHead
from mmirstd.models.losses.point_mask import PointMaskLoss
from mmirstd.models.losses.supervision import mask_losses

KINDS = {
    'sam': ('mmirstd.SAMHead', {}),
    'hq': ('mmirstd.SAMHQHead', {'early_channels': 24}),
    'efficient': ('mmirstd.EfficientSAMHead', {}),
}


def build(kind, **arguments):
    init_default_scope('mmseg')
    torch.manual_seed(0)
    name, extra = KINDS[kind]
    vit = {
        'type': 'mmirstd.SAMViT',
        'img_size': 64,
        'pretrain_size': 64,
        'out_channels': 32,
        'embed_dims': 24,
        'depth': 2,
        'num_heads': 2,
        'window_size': 3,
        'global_blocks': (1,),
        'early_features': kind == 'hq',
    }
    return MODELS.build(
        {
            'type': 'EncoderDecoder',
            'backbone': vit,
            'decode_head': {
                'type': name,
                'in_channels': 32,
                'decoder': {'num_heads': 2, 'mlp_dims': 32},
                'loss_decode': {'type': 'mmirstd.PointMaskLoss', 'num_points': None},
                **extra,
                **arguments,
            },
            'train_cfg': {},
            'test_cfg': ConfigDict(mode='whole'),
        }
    )


def samples(labels):
    return [
        SegDataSample(
            gt_sem_seg=PixelData(data=label[None]), metainfo={'img_shape': tuple(label.shape)}
        )
        for label in labels
    ]


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('prompt', ['none', 'full_box', 'learned'])
def test_every_trainable_parameter_learns(kind, prompt):
    model = build(kind, prompt=prompt).train()
    labels = torch.zeros(2, 40, 56, dtype=torch.long)
    labels[:, 10:13, 14:18] = 1
    losses = model.loss(torch.randn(2, 1, 40, 56), samples(labels))
    total, logged = model.parse_losses(losses)
    assert set(logged) == {'loss', 'decode.loss_mask_bce', 'decode.loss_mask_dice'}
    total.backward()
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None, name
            assert parameter.grad.abs().sum() > 0, name
        else:
            assert parameter.grad is None, name


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('size', [(64, 64), (33, 47), (100, 130)])
def test_prediction_has_the_size_of_the_image(kind, size):
    model = build(kind).eval()
    with torch.no_grad():
        (sample,) = model.predict(torch.randn(1, 3, *size))
        logits = model(torch.randn(1, 3, *size), mode='tensor')
    assert sample.seg_logits.data.shape == (1, *size)
    assert 0 <= sample.seg_logits.data.min() <= sample.seg_logits.data.max() <= 1
    assert logits.shape == (1, 1, 16, 16)


@pytest.mark.parametrize('kind', KINDS)
def test_prompts_differ_and_fixed_prompt_equals_the_drawn_one(kind):
    model = build(kind, prompt='full_box').eval()
    head = model.decode_head
    with torch.no_grad():
        maps = model.extract_feat(torch.randn(2, 3, 64, 64))
        box = torch.tensor([[0.0, 0, 64, 64]])
        sparse, dense = head.prompt_encoder(boxes=box, image_size=(64, 64))
        torch.testing.assert_close(head(maps), head.select(head.decode(maps, sparse, dense)[0]))
        other = build(kind, prompt='none').eval()
        assert not torch.allclose(head(maps), other.decode_head(maps))


def test_learned_prompts_replace_points():
    head = SAMHead(32, prompt='learned', num_learned_prompts=3, decoder={'num_heads': 2})
    sparse, _ = head.fixed_prompt((torch.zeros(1, 32, 4, 4),))
    assert torch.equal(sparse[0], head.learned_prompts.weight)


def test_same_weights_serve_every_prompt():
    state = build('sam', prompt='none').state_dict()
    build('sam', prompt='full_box').load_state_dict(state)
    result = build('sam', prompt='learned').load_state_dict(state, strict=False)
    assert result.missing_keys == ['decode_head.learned_prompts.weight']
    assert not result.unexpected_keys


def test_hq_predicts_the_sum_or_the_fine_mask():
    masks = torch.randn(2, 5, 4, 4)
    decoder = {'num_heads': 2, 'mlp_dims': 8}
    total = SAMHQHead(32, early_channels=8, decoder=decoder)
    fine = SAMHQHead(32, early_channels=8, decoder=decoder, hq_token_only=True)
    torch.testing.assert_close(total.select(masks)[:, 0], masks[:, 0] + masks[:, 4])
    assert torch.equal(fine.select(masks), masks[:, 4:])


def test_hq_can_train_its_own_parts_alone():
    head = SAMHQHead(32, early_channels=8, decoder={'num_heads': 2}, train_hq_only=True)
    trained = [name for name, p in head.named_parameters() if p.requires_grad]
    assert len(trained) == 25
    parts = {name.split('.')[1] for name in trained}
    assert parts == {
        'hf_token',
        'hf_mlp',
        'compress_vit_feat',
        'embedding_encoder',
        'embedding_maskfeature',
    }


def test_a_stock_head_reads_the_embedding():
    model = build('hq')
    head = MODELS.build({'type': 'FCNHead', 'in_channels': 32, 'channels': 8, 'in_index': 0,
                         'num_classes': 2, 'num_convs': 1})  # fmt: skip
    assert head(model.extract_feat(torch.randn(2, 3, 64, 64))).shape == (2, 2, 4, 4)


def test_unknown_prompt_is_named():
    with pytest.raises(ValueError, match="prompt='boxes'"):
        EfficientSAMHead(32, prompt='boxes')


def test_stock_losses_see_logits_at_label_size():
    seen = []

    class StockLoss(torch.nn.Module):
        loss_name = 'loss_x'

        def forward(self, logits, labels, ignore_index):
            seen.append((logits, labels, ignore_index))
            return logits.mean() + ignore_index

    logits, labels = torch.randn(1, 1, 4, 4), torch.zeros(1, 16, 16)
    criteria = torch.nn.ModuleList([StockLoss(), PointMaskLoss(num_points=None)])
    losses = mask_losses(criteria, logits, labels, 7, 'early.')
    assert set(losses) == {'early.loss_x', 'early.loss_mask_bce', 'early.loss_mask_dice'}
    ((enlarged, given, ignored),) = seen
    expected = torch.nn.functional.interpolate(logits, (16, 16), mode='bilinear')
    torch.testing.assert_close(enlarged, expected)
    assert given is labels
    assert ignored == 7
    torch.testing.assert_close(losses['early.loss_x'], expected.mean() + 7)


def test_conversion_reports_a_foreign_position_embedding():
    state = {'image_encoder.pos_embed': torch.zeros(1, 12, 8)}
    with pytest.raises(ValueError, match='pos_embed'):
        convert(state, EFFICIENT_SAM, {'backbone.pos_embed': torch.zeros(1, 14, 14, 8)})
