import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from tiny_teacher import SIZES, WIDTH

from mmirstd.models.backbones import SemanticSAMSwin
from mmirstd.models.semantic_sam import SemanticSAMHead, SemanticSAMOutput

SIDE = 64
SWIN = {'embed_dims': 8, 'depths': (1, 1, 1, 1), 'num_heads': (1, 2, 2, 2), 'window_size': 4}


def head_of(**arguments) -> SemanticSAMHead:
    torch.manual_seed(0)
    return SemanticSAMHead(
        (8, 16, 32, 64),
        pixel_decoder={'embed_dims': WIDTH, 'num_layers': 1, 'norm_groups': 4, **SIZES},
        mask_decoder={'num_layers': 2, **SIZES},
        **{'loss_decode': {'type': 'mmirstd.PointMaskLoss', 'num_points': 64}, **arguments},
    )


def maps(n: int = 2):
    generator = torch.Generator().manual_seed(0)
    return [
        torch.randn(n, c, SIDE // s, SIDE // s, generator=generator)
        for c, s in zip((8, 16, 32, 64), (4, 8, 16, 32), strict=True)
    ]


def samples(labels):
    return [SegDataSample(gt_sem_seg=PixelData(data=label[None])) for label in labels]


def square():
    labels = torch.zeros(2, SIDE, SIDE, dtype=torch.long)
    labels[0, 8:24, 8:24] = 1
    labels[1, 40:60, 30:50] = 1
    return labels


def test_the_mask_with_the_highest_predicted_iou_is_the_prediction():
    head = head_of().eval()
    with torch.no_grad():
        output = head.decode(maps())
        logits = head(maps())
    assert output.masks.shape == (2, 1, 6, 16, 16)
    assert logits.shape == (2, 1, 16, 16)
    for image in range(2):
        best = output.ious[image, 0].argmax()
        assert torch.equal(logits[image, 0], output.masks[image, 0, best])


def fixed(masks, ious):
    return SemanticSAMOutput(masks, ious, torch.zeros(*ious.shape, 4), auxiliary=[])


def test_only_the_best_mask_is_trained_but_every_predicted_iou():
    labels = square()
    head = head_of()
    target = torch.nn.functional.max_pool2d(labels[:, None].float(), 4)[:, 0]
    masks = torch.zeros(2, 1, 6, 16, 16)
    right = (2, 4)
    for image, token in enumerate(right):
        masks[image, 0, token] = 20 * target[image] - 10
    masks.requires_grad_()
    ious = torch.full((2, 1, 6), 0.5, requires_grad=True)
    head.decode = lambda inputs, auxiliary: fixed(masks, ious)
    losses = head.loss(None, samples(labels), {})
    assert set(losses) == {'loss_mask_bce', 'loss_mask_dice', 'loss_iou'}
    (losses['loss_mask_bce'] + losses['loss_mask_dice']).backward(retain_graph=True)
    touched = masks.grad.flatten(3).any(dim=3)[:, 0]
    assert touched.nonzero().tolist() == [[0, 2], [1, 4]]
    losses['loss_iou'].backward()
    assert (ious.grad != 0).all()
    # Right masks ask for more, wrong ones for less.
    assert ious.grad[0, 0, 2] < 0
    assert ious.grad[0, 0, 0] > 0


def test_earlier_layers_follow_the_choice_of_the_last():
    labels = square()
    head = head_of()
    target = torch.nn.functional.max_pool2d(labels[:, None].float(), 4)[:, 0]
    last, early = torch.zeros(2, 2, 1, 6, 16, 16)
    last[:, 0, 3] = 20 * target - 10
    early[:, 0, 5] = 20 * target - 10  # better there, but not in the last layer
    early.requires_grad_()
    ious = torch.zeros(2, 1, 6)
    output = fixed(last, ious)._replace(auxiliary=[fixed(early, ious)])
    head.decode = lambda inputs, auxiliary: output
    losses = head.loss(None, samples(labels), {})
    assert losses['loss_mask_bce'] < 0.5 < losses['aux_loss_mask_bce']
    losses['aux_loss_mask_bce'].backward()
    assert early.grad.flatten(3).any(dim=3)[:, 0].nonzero()[:, 1].tolist() == [3, 3]


@pytest.mark.parametrize('prompt', ['full_box', 'learned'])
def test_every_trainable_parameter_gets_a_gradient(prompt):
    head = head_of(prompt=prompt, num_learned_prompts=2)
    # A fresh box head is zero and hides nothing here: references are boxes of the prompt.
    losses = head.loss(maps(), samples(square()), {})
    total = sum(losses.values())
    total.backward()
    assert {name.removeprefix('aux_') for name in losses} == {
        'loss_mask_bce',
        'loss_mask_dice',
        'loss_iou',
    }
    for name, parameter in head.named_parameters():
        if name.startswith('mask_decoder.bbox_embed'):
            assert not parameter.requires_grad
        else:
            assert parameter.grad is not None, name
            assert torch.isfinite(parameter.grad).all(), name
    if prompt == 'learned':
        assert head.decode(maps()).masks.shape == (2, 2, 6, 16, 16)
        assert head.prompt_box.weight.grad.any(dim=1).all()
        assert head.prompt_content.weight.grad.any(dim=1).all()


def test_without_deep_supervision_only_the_last_layer_counts():
    losses = head_of(deep_supervision=False).loss(maps(), samples(square()), {})
    assert not any(name.startswith('aux_') for name in losses)


def test_unusable_arguments_are_named():
    with pytest.raises(ValueError, match=r"prompt='none'.*requires a prompt"):
        head_of(prompt='none')
    with pytest.raises(ValueError, match='prompt_kind=2'):
        head_of(prompt_kind=2)
    with pytest.raises(ValueError, match='per_mask'):
        head_of(loss_decode={'type': 'mmirstd.SoftIoULoss'})


def test_encoder_takes_any_image():
    torch.manual_seed(0)
    encoder = SemanticSAMSwin(img_size=SIDE, **SWIN).eval()
    gray = torch.randn(1, 1, 50, 90)
    with torch.no_grad():
        outputs = encoder(gray)
        for one, other in zip(outputs, encoder(gray.expand(-1, 3, -1, -1)), strict=True):
            assert torch.equal(one, other)
    assert [tuple(each.shape[1:]) for each in outputs] == [
        (8, 16, 16),
        (16, 8, 8),
        (32, 4, 4),
        (64, 2, 2),
    ]


def test_encoder_can_be_frozen():
    encoder = SemanticSAMSwin(img_size=SIDE, frozen=True, **SWIN)
    assert encoder.train() is encoder
    assert not encoder.training
    assert not any(parameter.requires_grad for parameter in encoder.parameters())
    assert not encoder(torch.zeros(1, 3, 64, 64))[0].requires_grad
    with pytest.raises(ValueError, match='multiple of 32'):
        SemanticSAMSwin(img_size=48, **SWIN)
    with pytest.raises(ValueError, match='large'):
        SemanticSAMSwin(arch='huge')


def test_encoder_can_be_adapted_with_lora():
    pytest.importorskip('peft')
    torch.manual_seed(0)
    plain = SemanticSAMSwin(img_size=SIDE, **SWIN).eval()
    adapted = SemanticSAMSwin(img_size=SIDE, lora={'rank': 2}, **SWIN)
    adapted.load_state_dict(plain.state_dict(), strict=False)
    names = [name for name, p in adapted.named_parameters() if p.requires_grad]
    assert names
    assert all('lora_' in name for name in names)
    image = torch.randn(1, 3, SIDE, SIDE)
    with torch.no_grad():
        torch.testing.assert_close(adapted.eval()(image)[3], plain(image)[3])


def test_segmentor_predicts_at_the_size_of_the_image():
    init_default_scope('mmseg')
    model = MODELS.build(
        {
            'type': 'EncoderDecoder',
            'backbone': {'type': 'mmirstd.SemanticSAMSwin', 'img_size': SIDE, **SWIN},
            'decode_head': {
                'type': 'mmirstd.SemanticSAMHead',
                'in_channels': (8, 16, 32, 64),
                'pixel_decoder': {'embed_dims': WIDTH, 'norm_groups': 4, **SIZES},
                'mask_decoder': {'num_layers': 1, **SIZES},
            },
            'test_cfg': ConfigDict(mode='whole'),
        }
    ).eval()
    with torch.no_grad():
        (sample,) = model.predict(torch.randn(1, 3, 40, 56))
    assert sample.seg_logits.data.shape == (1, 40, 56)
    assert sample.pred_sem_seg.data.shape == (1, 40, 56)
