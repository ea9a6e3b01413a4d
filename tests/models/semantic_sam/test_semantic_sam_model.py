import math

import pytest
import torch
from tiny_teacher import BACKBONE, SIZES, WIDTH, prompts, tiny_teacher
from torch import nn

from mmirstd.models.semantic_sam import SemanticSAM
from mmirstd.models.semantic_sam.mask_decoder import box_position, inverse_sigmoid
from mmirstd.registry import MODELS


@pytest.fixture(scope='module')
def teacher():
    return tiny_teacher().eval()


@pytest.fixture(scope='module')
def images():
    return torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(0))


def test_shapes(teacher, images):
    with torch.no_grad():
        maps = teacher.extract_features(images)
        output = teacher(images, *prompts(2))
    assert [tuple(each.shape) for each in maps] == [
        (2, 8, 16, 24),
        (2, 16, 8, 12),
        (2, 32, 4, 6),
        (2, 64, 2, 3),
    ]
    assert len(output.auxiliary) == 2
    for layer in (output, *output.auxiliary):
        assert layer.masks.shape == (2, 3, 6, 16, 24)
        assert layer.ious.shape == (2, 3, 6)
        assert layer.boxes.shape == (2, 3, 6, 4)
        assert ((layer.boxes >= 0) & (layer.boxes <= 1)).all()


def test_config_builds_by_name():
    teacher = MODELS.build(
        {
            'type': 'mmirstd.SemanticSAM',
            'backbone': BACKBONE,
            'pixel_decoder': {'embed_dims': WIDTH, 'num_layers': 1, 'norm_groups': 4, **SIZES},
            'mask_decoder': {'num_layers': 1, **SIZES, 'num_granularities': 3},
        }
    )
    assert teacher(torch.zeros(1, 3, 32, 32), *prompts()).ious.shape == (1, 3, 3)


def test_auxiliary_outputs_can_be_left_out(teacher, images):
    with torch.no_grad():
        features = teacher.extract_features(images)
        whole = teacher.decode(features, *prompts(2))
        last = teacher.decode(features, *prompts(2), auxiliary=False)
    assert last.auxiliary == []
    torch.testing.assert_close(last[:3], whole[:3])


def test_prompts_do_not_see_each_other(teacher, images):
    boxes, kinds = prompts()
    with torch.no_grad():
        features = teacher.extract_features(images[:1])
        together = teacher.decode(features, boxes, kinds)
        for n in range(3):
            alone = teacher.decode(features, boxes[:, n : n + 1], kinds[:, n : n + 1])
            torch.testing.assert_close(alone.masks[:, 0], together.masks[:, n])
            torch.testing.assert_close(alone.ious[:, 0], together.ious[:, n])
        leaking = teacher.decode(features, boxes, kinds, independent=False)
    assert (leaking.masks - together.masks).abs().max() > 1e-3


def test_groups_equal_a_block_diagonal_mask(teacher):
    layer = teacher.mask_decoder.layers[0]
    generator = torch.Generator().manual_seed(2)
    queries, position = torch.randn(2, 2, 12, WIDTH, generator=generator)
    blocked = torch.block_diag(*torch.ones(2, 6, 6)) == 0
    placed = queries + position
    with torch.no_grad():
        expected, _ = layer.self_attn(placed, placed, queries, attn_mask=blocked)
        grouped = placed.reshape(4, 6, WIDTH)
        found, _ = layer.self_attn(grouped, grouped, queries.reshape(4, 6, WIDTH))
    torch.testing.assert_close(found.reshape(expected.shape), expected)


def test_kind_of_prompt_matters(teacher, images):
    boxes, kinds = prompts()
    with torch.no_grad():
        features = teacher.extract_features(images[:1])
        zero, one = (teacher.decode(features, boxes, kinds + k).masks for k in (0, 1))
    assert (zero - one).abs().max() > 1e-3


def test_odd_images_are_padded_with_zeros(teacher):
    image = torch.randn(1, 3, 50, 70, generator=torch.Generator().manual_seed(3))
    padded = torch.zeros(1, 3, 64, 96)
    padded[..., :50, :70] = image
    with torch.no_grad():
        torch.testing.assert_close(
            teacher.extract_features(image), teacher.extract_features(padded)
        )


def test_every_parameter_but_the_spare_learns(images):
    teacher = tiny_teacher().train()
    boxes, kinds = prompts(2)
    kinds[:, 0] = 1
    output = teacher(images, boxes, kinds)
    total = sum(
        layer.masks.square().mean() + layer.ious.square().mean() + layer.boxes.square().mean()
        for layer in (output, *output.auxiliary)
    )
    total.backward()
    for name, parameter in teacher.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
    assert not teacher.mask_decoder.label_enc.weight.grad[1].any()
    assert teacher.mask_decoder.pb_embedding.weight.grad.any(dim=1).all()


def test_references_are_detached_but_output_boxes_look_forward_twice(images):
    teacher = tiny_teacher()
    decoder = teacher.mask_decoder
    teacher(images[:1], *prompts()).masks.sum().backward()
    assert decoder.bbox_embed.layers[0].weight.grad is None
    # Without the last layer's own state, its boxes depend on the layer before by the reference.
    decoder.layers[2].register_forward_hook(lambda module, args, state: state.detach())
    teacher.zero_grad()
    teacher(images[:1], *prompts()).boxes.sum().backward()
    assert decoder.layers[1].norm3.weight.grad.any()
    assert decoder.layers[2].norm3.weight.grad is None


def test_deformable_parts_stay_in_float32_under_autocast(teacher, images):
    seen = []
    hooks = [
        part.register_forward_hook(lambda module, args, output: seen.append(output.dtype))
        for part in (*teacher.pixel_decoder.layers, *teacher.mask_decoder.layers)
    ]
    with torch.no_grad(), torch.autocast('cpu', torch.bfloat16):
        output = teacher(images, *prompts(2))
    for hook in hooks:
        hook.remove()
    assert seen == [torch.float32] * 5
    assert output.boxes.dtype == torch.float32
    assert output.masks.dtype == torch.bfloat16


def test_a_new_box_head_leaves_prompts_where_they_are(images):
    torch.manual_seed(0)
    teacher = SemanticSAM(
        BACKBONE, {'embed_dims': WIDTH, 'norm_groups': 4, **SIZES}, {'num_layers': 2, **SIZES}
    )
    boxes, kinds = prompts()
    with torch.no_grad():
        output = teacher(images[:1], boxes, kinds)
    torch.testing.assert_close(output.boxes, boxes[:, :, None].expand(-1, -1, 6, -1))


def test_inverse_sigmoid_undoes_the_sigmoid_and_is_bounded():
    inside = torch.linspace(0.001, 0.999, 25, dtype=torch.float64)
    torch.testing.assert_close(inverse_sigmoid(inside).sigmoid(), inside)
    assert inverse_sigmoid(torch.tensor([0.75])).item() == pytest.approx(math.log(3))
    # Boxes at or beyond the border: the logits end at log(1e5).
    beyond = inverse_sigmoid(torch.tensor([-1.0, 0.0, 1e-7, 1.0, 2.0], dtype=torch.float64))
    bound = math.log(1e5)
    assert beyond.tolist() == pytest.approx([-bound, -bound, -bound, bound, bound])


def test_box_position_is_y_x_width_height():
    box = torch.tensor([0.1, 0.2, 0.3, 0.4])
    found = box_position(box, 4).view(4, 4)
    for row, value in zip(found, (0.2, 0.1, 0.3, 0.4), strict=True):
        angle = torch.tensor(2 * torch.pi * value)
        slow = angle / 100
        torch.testing.assert_close(
            row, torch.stack([angle.sin(), angle.cos(), slow.sin(), slow.cos()])
        )


def test_files_of_the_segmentor_load(teacher):
    """Its head holds the decoders; MMEngine's and PyTorch's loading agree."""
    state = {
        name if name.startswith('backbone.') else f'decode_head.{name}': value
        for name, value in teacher.state_dict().items()
    }
    other = tiny_teacher(seed=5)
    other.load_state_dict(state, strict=True)
    for name, value in other.state_dict().items():
        assert torch.equal(value, teacher.state_dict()[name]), name
    holder = nn.Module()
    holder.teacher = tiny_teacher(seed=6)
    holder.load_state_dict({f'teacher.{name}': value for name, value in state.items()})
    with pytest.raises(RuntimeError, match='surplus'):
        other.load_state_dict({**state, 'decode_head.surplus.weight': torch.zeros(1)})


def test_unusable_arguments_are_named(teacher, images):
    boxes, kinds = prompts(2)
    features = teacher.extract_features(images)
    with pytest.raises(ValueError, match=r'2 images.*\(2, 3, 4\) and \(2, 2\)'):
        teacher.decode(features, boxes, kinds[:, :2])
    with pytest.raises(ValueError, match='N > 0'):
        teacher.decode(features, boxes[:, :0], kinds[:, :0])
    with pytest.raises(ValueError, match=r'\(8, 16, 32, 64\).*\(8, 16, 32\)'):
        teacher.decode(features[:3], boxes, kinds)
    with pytest.raises(ValueError, match='four maps'):
        SemanticSAM(BACKBONE, {'in_channels': (8, 16)})
    with pytest.raises(ValueError, match='norm_groups=32'):
        SemanticSAM(BACKBONE, {'embed_dims': 16})
