"""Keys of the SimIRSTD release (a Detectron2 checkpoint with keys ``model.*``)."""

from __future__ import annotations

import re
from collections.abc import Iterator

import torch

from mmirstd.conversion.common import Family, Rule, StateDict, Unused

BLOCK_STAGES = {
    **{1: '0.blocks.0', 2: '0.blocks.1', 3: '1.downsample.pre_block'},
    **{5: '1.blocks.0', 6: '1.blocks.1', 7: '2.downsample.pre_block'},
    **{block: f'2.blocks.{block - 9}' for block in range(9, 21)},
    **{21: '3.downsample.pre_block', 23: '3.blocks.0', 24: '3.blocks.1'},
}
"""Block number of the official RepViT-M1.1 -> timm's place of the ordinary block."""
DOWNSAMPLINGS = {4: '1.downsample', 8: '2.downsample', 22: '3.downsample'}
"""Block number of the official RepViT-M1.1 -> timm's place of the downsampling block."""
STAGE_SIZES = {256: 0, 128: 1, 64: 2, 32: 3}
"""The release names its projections after the map size at 256 pixels."""

_BLOCK_PARTS = {
    r'token_mixer\.0': 'token_mixer',
    r'token_mixer\.1': 'se',
    r'channel_mixer\.m\.0': 'channel_mixer.conv1',
    r'channel_mixer\.m\.2': 'channel_mixer.conv2',
}
_DOWNSAMPLING_PARTS = {
    r'token_mixer\.0': 'spatial_downsample',
    r'token_mixer\.2': 'channel_downsample',
    r'channel_mixer\.m\.0': 'ffn.conv1',
    r'channel_mixer\.m\.2': 'ffn.conv2',
}


def split_in_projections(state: StateDict) -> StateDict:
    """Split the ``in_proj_*`` of torch's attention into query, key and value projections."""
    split: StateDict = {}
    for key, value in state.items():
        match = re.fullmatch(r'(.*)in_proj_(weight|bias)', key)
        if match is None:
            split[key] = value
            continue
        for name, part in zip('qkv', value.chunk(3), strict=True):
            split[f'{match[1]}{name}_proj.{match[2]}'] = part
    return split


def _prepare(state: StateDict) -> StateDict:
    state = split_in_projections(state)
    level_embed = state.get('backbone.level_embed_proj.weight')
    if level_embed is not None:  # the released forward pass uses only row 0, at every stage
        state['backbone.level_embed_proj.weight'] = level_embed[:1]
    fpn = 'sem_seg_head.pixel_decoder.'
    positions = [f'{fpn}query_embed.weight', f'{fpn}query_embed_encoder.weight']
    if all(name in state for name in positions):  # one table here, FPN queries first
        state[f'{fpn}query_embed_all.weight'] = torch.cat([state.pop(name) for name in positions])
    return state


def repvit_rules(source: str = '', target: str = '') -> tuple[Rule, ...]:
    """Rules from the official RepViT-M1.1 names to timm's.

    Args:
        source: Regular expression in front of ``features.``.
        target: Prefix of our names.
    """
    return (
        Rule(rf'{source}features\.0\.0\.(.+)', rf'{target}stem.conv1.\1'),
        Rule(rf'{source}features\.0\.2\.(.+)', rf'{target}stem.conv2.\1'),
        *(
            Rule(rf'{source}features\.{block}\.{old}\.(.+)', rf'{target}stages.{place}.{new}.\1')
            for places, parts in (
                (BLOCK_STAGES, _BLOCK_PARTS),
                (DOWNSAMPLINGS, _DOWNSAMPLING_PARTS),
            )
            for block, place in places.items()
            for old, new in parts.items()
        ),
    )


def detectron_conv_rules(source: str, target: str) -> tuple[Rule, Rule]:
    """Rules of a Detectron2 convolution, which contains its norm; ours is the next layer."""
    rest = re.compile(source).groups + 1
    return (
        Rule(rf'{source}\.norm\.(.+)', rf'{target}.1.\{rest}'),
        Rule(rf'{source}\.(.+)', rf'{target}.0.\{rest}'),
    )


def _conv_bn(source: str, target: str) -> tuple[Rule, Rule]:
    """Rules of a 1x1-BN-GELU block."""
    rest = re.compile(source).groups + 1
    return (
        Rule(rf'{source}\.0\.c\.weight', f'{target}.conv.weight'),
        Rule(rf'{source}\.0\.bn\.(\w+)', rf'{target}.bn.\{rest}'),
    )


def _interaction(source: str, target: str) -> tuple[Rule, ...]:
    """Rules of one bidirectional attention; group 1 of the pattern is its number."""
    parts = {
        r'cross_attention_layers_proj\.(\d)\.multihead_attn': 'read',
        r'self_attention_layers\.(\d)\.self_attn': 'self_attn',
        r'cross_attention_layers_broad\.(\d)\.multihead_attn': 'write',
        r'cross_attention_layers_proj\.(\d)\.norm': 'read_norm',
        r'self_attention_layers\.(\d)\.norm': 'self_norm',
        r'cross_attention_layers_broad\.(\d)\.norm': 'write_norm',
        r'ffn_layers\.(\d)\.norm': 'ffn_norm',
        r'ffn_layers\.(\d)\.linear1': 'ffn.lin1',
        r'ffn_layers\.(\d)\.linear2': 'ffn.lin2',
    }
    return tuple(
        Rule(rf'{source}transformer_{old}\.(.+)', rf'{target}interactions.\1.{new}.\2')
        for old, new in parts.items()
    )


def _encoder_rules() -> Iterator[Rule]:
    source, target = r'backbone\.', 'backbone.'
    yield from repvit_rules(source, 'backbone.backbone.')
    yield from _interaction(source, target)
    for size, stage in STAGE_SIZES.items():
        yield from _conv_bn(rf'{source}broad_{size}_dense', f'{target}dense_out.{stage - 1}')
        yield from _conv_bn(rf'{source}proj_{size}_dense', f'{target}dense_in.{stage}')
        yield from _conv_bn(rf'{source}broad_{size}', f'{target}sparse_in.{stage}')
        yield from _conv_bn(rf'{source}proj_{size}', f'{target}sparse_out.{stage}')
    yield from _conv_bn(rf'{source}proj([1-4])', r'neck.projections.<\1-1>')
    yield Rule(rf'{source}level_embed_proj\.weight', 'backbone.level_embed.weight')
    yield Rule(rf'{source}query_(feat|embed)_encoder\.weight', r'backbone.query_\1.weight')
    yield Rule(rf'{source}decoder_norm\.(weight|bias)', r'backbone.early_decoder.norm.\1')
    yield Rule(rf'{source}(mask_(?:embed|features)\..+)', r'backbone.early_decoder.\1')
    dense, ours = rf'{source}transformer([123])\.', r'backbone.dense_interactions.<\1-1>.'
    yield Rule(rf'{dense}(level_embed)', rf'{ours}\2')
    yield Rule(rf'{dense}encoder\.layers\.0\.linear([12]\..+)', rf'{ours}ffn.lin\2')
    yield Rule(rf'{dense}encoder\.layers\.0\.((?:self_attn|norm[12])\..+)', rf'{ours}\2')


def _fpn_rules() -> tuple[Rule, ...]:
    source = r'sem_seg_head\.pixel_decoder\.'
    return (
        *_interaction(source, 'neck.'),
        *detectron_conv_rules(source + r'adapter_([123])', r'neck.laterals.<\1-1>'),
        *detectron_conv_rules(source + r'layer_([1234])', r'neck.layers.<\1-1>'),
        Rule(source + r'input_proj\.(.+)', r'neck.laterals.3.\1'),
        Rule(source + r'mask_features\.(.+)', r'neck.mask_features.\1'),
        Rule(source + r'level_embed_proj\.weight', 'neck.level_embed.weight'),
        Rule(source + r'query_feat\.weight', 'neck.query_feat.weight'),
        Rule(source + r'decoder_norm\.(.+)', r'neck.early_norm.\1'),
        Rule(source + r'mask_embed\.(.+)', r'neck.early_mask_embed.\1'),
        Rule(source + r'query_embed_all\.weight', 'neck.query_embed.weight'),
    )


def _decoder_rules() -> tuple[Rule, ...]:
    source = r'sem_seg_head\.predictor\.'
    return (
        Rule(source + r'transformer\.(.+)', r'decode_head.transformer.\1'),
        Rule(source + r'pe_layer\.(positional_\w+)', r'decode_head.position.\1'),
        Rule(source + r'output_upscaling\.(.+)', r'decode_head.upscaling.\1'),
        Rule(source + r'output_hypernetworks_mlps\.(.+)', r'decode_head.mask_embed.\1'),
        Rule(source + r'query_(feat|embed)\.weight', r'decode_head.query_\1.weight'),
        Rule(source + r'sparse_embed\.weight', 'decode_head.prompt_embed.weight'),
        Rule(
            r'sem_seg_head\.pixel_decoder2\.mask_downscaling\.(.+)', r'decode_head.mask_prompt.\1'
        ),
    )


SIMIR = Family(
    name='simir',
    config='simirstd_nudt.py',
    prepare=_prepare,
    rules=(*_encoder_rules(), *_fpn_rules(), *_decoder_rules()),
    unused=(
        Unused(r'criterion\.empty_weight', 'class weights of the training criterion'),
        Unused(r'sem_seg_head\.predictor\.mask_tokens\.weight', 'never read by the forward'),
        Unused(
            r'sem_seg_head\.pixel_decoder2\.(point_embeddings\.\d|not_a_point_embed|no_mask_embed)'
            r'\.weight|sem_seg_head\.pixel_decoder2\.pe_layer\..+',
            'point and box prompts, which the model does not use',
        ),
    ),
    first_convolutions=('backbone.backbone.stem.conv1.c.weight',),
    note='Released with stem stride 1. Rows 1-3 of backbone.level_embed_proj are never used.',
)

SIMIR_BACKBONE = Family(
    name='simir-backbone',
    config='ablation/step1_nudt.py',
    rules=repvit_rules(r'(?:backbone\.)?'),
    unused=(
        Unused(r'(?:backbone\.)?proj[1-4]\..+', 'the neck of the distillation'),
        Unused(r'(?:backbone\.)?classifier\..+', 'the ImageNet classifier'),
        Unused(r'sem_seg_head\..+', "the teacher's decoder; the fine-tuned model has its own"),
        Unused(r'criterion\..+', 'the training criterion'),
    ),
    first_convolutions=('stem.conv1.c.weight',),
    part='backbone',
    note="Use the result as weights='...' of mmirstd.RepViT.",
)
