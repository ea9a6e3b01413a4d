"""SAM, SAM-HQ, MobileSAM and EfficientSAM equal the original models."""

import pytest
import torch
from model_tester import CONFIGS, build_model
from reference import Reference

from mmirstd.conversion.efficient_sam import EFFICIENT_SAM
from mmirstd.conversion.mobile_sam import MOBILE_SAM
from mmirstd.conversion.sam import SAM
from mmirstd.conversion.sam_hq import SAM_HQ
from mmirstd.models.backbones.promptable_encoder import resize_position

SIZE = (1024, 1024)
TIGHT = 1e-5


def load(fixture, name, family, **overrides):
    reference = Reference(fixture)
    model = build_model(CONFIGS / '_base_' / 'models' / f'{name}.py', **overrides)
    return reference, reference.load_into(model, family)


@pytest.fixture(scope='module')
def sam():
    return load('sam_vit_b', 'sam', SAM)


@pytest.fixture(scope='module')
def sam_hq():
    return load('sam_hq_vit_b', 'sam_hq', SAM_HQ)


@pytest.fixture(scope='module')
def mobile_sam():
    return load('mobile_sam', 'mobile_sam', MOBILE_SAM)


@pytest.fixture(scope='module')
def efficient_sam():
    return load('efficient_sam_vitt', 'efficient_sam', EFFICIENT_SAM)


@pytest.fixture(autouse=True)
def _no_gradient():
    with torch.no_grad():
        yield


PROMPTS = {
    'none': {},
    'point': {'points': 'point_coords', 'labels': 'point_labels'},
    'two_points': {'points': 'two_points_coords', 'labels': 'two_points_labels'},
    'box': {'boxes': 'box_xyxy'},
    'point_box': {'points': 'point_coords', 'labels': 'point_labels', 'boxes': 'box_xyxy'},
    'mask': {'masks': 'mask_prompt'},
}


def prompt_of(reference, case):
    prompt = {key: reference.given(name) for key, name in PROMPTS[case].items()}
    if case == 'mask':
        prompt['masks'] = reference.input('mask_prompt')
    return prompt


@pytest.mark.parametrize('case', PROMPTS)
def test_sam_decoder(sam, case):
    reference, model = sam
    head = model.decode_head
    image = reference.input('image_embedding')
    sparse, dense = head.prompt_encoder(**prompt_of(reference, case), image_size=SIZE)
    masks, iou = head.decode((image,), sparse, dense)
    outputs = {f'{case}_sparse': sparse, f'{case}_masks': masks, f'{case}_iou': iou}
    if f'{case}_dense' in reference.outputs:
        outputs[f'{case}_dense'] = dense.expand(1, -1, 64, 64)
    reference.check(TIGHT, **outputs)


def test_sam_dense_position(sam):
    reference, model = sam
    position = model.decode_head.prompt_encoder.pe_layer(64, 64)
    reference.check(TIGHT, dense_pe=position.t().unflatten(1, (64, 64))[None])


def test_sam_encoder_below_its_native_size(sam):
    reference, model = sam
    encoder = model.backbone
    image = reference.input('image_256')
    blocks = {}
    hooks = [
        block.register_forward_hook(
            lambda module, args, output, index=index: blocks.update({index: output})
        )
        for index, block in enumerate(encoder.blocks)
    ]
    (embedding,) = encoder.encode(image)
    for hook in hooks:
        hook.remove()
    reference.check(
        TIGHT,
        enc256=embedding,
        enc256_pos_embed=resize_position(encoder.pos_embed, (16, 16)).permute(0, 3, 1, 2),
        **{f'enc256_block{index}': blocks[index].permute(0, 3, 1, 2) for index in (0, 2, 11)},
    )
    factor = reference.meta['strong_pos']['image_encoder.pos_embed']
    encoder.pos_embed.mul_(factor)
    (embedding,) = encoder.encode(image)
    encoder.pos_embed.div_(factor)
    reference.check(TIGHT, enc256_strong_pos=embedding)


@pytest.mark.slow
def test_sam_without_prompts_from_image_to_masks(sam):
    reference, model = sam
    maps = model.extract_feat(reference.input('image_1024'))
    head = model.decode_head
    masks, iou = head.decode(maps, *head.fixed_prompt(maps))
    reference.check(TIGHT, enc1024=maps[0], enc1024_none_masks=masks, enc1024_none_iou=iou)
    torch.testing.assert_close(head(maps), masks[:, :1])


@pytest.mark.parametrize('case', ['none', 'point', 'box', 'mask'])
def test_sam_hq_decoder(sam_hq, case):
    reference, model = sam_hq
    head = model.decode_head
    image = reference.input('image_embedding')
    early = reference.input('interm_embedding').permute(0, 3, 1, 2)
    sparse, dense = head.prompt_encoder(**prompt_of(reference, case), image_size=SIZE)
    masks, iou = head.decode((image, early), sparse, dense)
    best = 1 + iou[:, 1:].argmax(dim=1)
    reference.check(
        TIGHT,
        **{
            f'{case}_masks5': masks,
            f'{case}_iou4': iou,
            f'{case}_single': head.select(masks),
            f'{case}_single_hq_only': masks[:, -1:],
            f'{case}_multi': masks[:, best] + masks[:, -1:],
            f'{case}_multi_iou': iou[:, best],
        },
    )


def test_sam_hq_parts(sam_hq):
    reference, model = sam_hq
    decoder = model.decode_head.mask_decoder
    early = reference.input('interm_embedding').permute(0, 3, 1, 2)
    reference.check(
        TIGHT,
        embedding_encoder=decoder.embedding_encoder(reference.input('image_embedding')),
        compress_vit_feat=decoder.compress_vit_feat(early),
    )


def test_sam_hq_encoder(sam_hq):
    reference, model = sam_hq
    embedding, early = model.backbone.encode(reference.input('image_256'))
    reference.check(TIGHT, enc256=embedding, enc256_interm0=early)


@pytest.mark.slow
def test_mobile_sam_from_image_to_masks(mobile_sam):
    reference, model = mobile_sam
    encoder, head = model.backbone, model.decode_head
    outputs = {}
    parts = {'patch_embed': encoder.patch_embed}
    parts |= {f'layer{index}': stage for index, stage in enumerate(encoder.stages)}
    # MobileSAM counts a patch merging as the end of a layer, timm as the start of a stage.
    for index in (0, 1, 2):
        parts[f'layer{index}'] = encoder.stages[index + 1].downsample
    hooks = [
        part.register_forward_hook(
            lambda module, args, output, name=name: outputs.update({name: output})
        )
        for name, part in parts.items()
    ]
    maps = model.extract_feat(reference.input('image'))
    for hook in hooks:
        hook.remove()
    masks, iou = head.decode(maps, *head.fixed_prompt(maps))
    x, y, label = reference.meta['point'][0]
    sparse, dense = head.prompt_encoder(
        torch.tensor([[[x, y]]]), torch.tensor([[label]]), image_size=SIZE
    )
    point_masks, point_iou = head.decode(maps, sparse, dense)
    reference.check(
        TIGHT,
        embedding=maps[0],
        none_masks=masks,
        none_iou=iou,
        point_masks=point_masks,
        point_iou=point_iou,
        **outputs,
    )


def test_efficient_sam_encoder(efficient_sam):
    reference, model = efficient_sam
    encoder = model.backbone
    for side in (16, 64):
        position = resize_position(encoder.pos_embed, (side, side)).permute(0, 3, 1, 2)
        reference.check(TIGHT, **{f'pos_embed_{side}': position})
    factor = reference.meta['strong_pos']['image_encoder.pos_embed']
    for size in (224, 256):
        image = reference.input(f'image_{size}')
        reference.check(TIGHT, **{f'enc{size}': encoder.encode(image)[0]})
        encoder.pos_embed.mul_(factor)
        reference.check(TIGHT, **{f'enc{size}_strong_pos': encoder.encode(image)[0]})
        encoder.pos_embed.div_(factor)


@pytest.mark.parametrize('case', ['invalid6', 'point', 'box', 'point_box'])
def test_efficient_sam_decoder(efficient_sam, case):
    reference, model = efficient_sam
    head = model.decode_head
    image = reference.input('image_embedding')
    points, labels = reference.given(f'{case}_coords')[0], reference.given(f'{case}_labels')[0]
    corners = labels[0] >= 2
    boxes = points[:, corners].flatten(1) if corners.any() else None
    clicks = ~corners & (labels[0] >= 0)
    chosen = (points[:, clicks], labels[:, clicks]) if clicks.any() else (None, None)
    prompts = {'points': chosen[0], 'labels': chosen[1], 'boxes': boxes}
    sparse, dense = head.prompt_encoder(**prompts, image_size=SIZE)
    masks, iou = head.decode((image,), sparse, dense)
    reference.check(TIGHT, **{f'{case}_sparse': sparse, f'{case}_masks': masks, f'{case}_iou': iou})


def test_efficient_sam_dense_position(efficient_sam):
    reference, model = efficient_sam
    position = model.decode_head.prompt_encoder.pe_layer(64, 64)
    reference.check(TIGHT, dense_pe=position.t().unflatten(1, (64, 64))[None])


@pytest.mark.slow
def test_efficient_sam_without_prompts_from_image_to_masks(efficient_sam):
    reference, model = efficient_sam
    maps = model.extract_feat(reference.input('image_1024'))
    head = model.decode_head
    masks, iou = head.decode(maps, *head.fixed_prompt(maps))
    reference.check(TIGHT, enc1024=maps[0], enc1024_invalid6_masks=masks, enc1024_invalid6_iou=iou)
