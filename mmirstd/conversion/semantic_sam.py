"""Keys of Semantic-SAM (UX-Decoder/Semantic-SAM), Swin-T and Swin-L, trained on SA-1B."""

import re

import torch
from torch import Tensor

from mmirstd.conversion.common import ConversionError, Family, Rule, StateDict, Unused
from mmirstd.conversion.simir import detectron_conv_rules
from mmirstd.wording import format_count

_BLOCK = r'backbone\.layers\.(\d+\.blocks\.\d+)'
_PIXEL = r'sem_seg_head\.pixel_decoder\.'
_PREDICTOR = r'sem_seg_head\.predictor\.'
_PIXEL_TARGET = 'decode_head.pixel_decoder.'
_DECODER_TARGET = 'decode_head.mask_decoder.'
_ALIASES = (
    (re.compile(_PREDICTOR + r'decoder\.norm\.(\w+)'), r'sem_seg_head.predictor.decoder_norm.\1'),
    (
        re.compile(_PREDICTOR + r'(?:decoder\.)?bbox_embed\.\d+\.(.+)'),
        r'sem_seg_head.predictor._bbox_embed.\1',
    ),
)
"""Second names of parameters that the original model uses in several places."""

_MERGING = re.compile(r'backbone\.layers\.\d+\.downsample\.(?:reduction\.weight|norm\.\w+)')
_EMBEDDING = 'backbone.patch_embed.proj.weight'


def _without_aliases(state: StateDict) -> StateDict:
    """Drop second names, which must have the same values as the first name."""
    differing = []
    for key in list(state):
        for pattern, canonical in _ALIASES:
            match = pattern.fullmatch(key)
            if match is None:
                continue
            first = match.expand(canonical)
            # A missing first name is reported with all other missing keys.
            if first in state and not torch.equal(state[key], state[first]):
                differing.append(f'{key} ({first})')
            del state[key]
    if differing:
        raise ConversionError(
            'second names of a shared parameter, but with other values: '
            f'{format_count(len(differing), "tensor")}, {", ".join(differing[:3])}. The file is '
            'damaged or belongs to another model.'
        )
    return state


def _order_as_unfold(value: Tensor) -> Tensor:
    """Order the four neighbours of a patch merging, the last axis, as `torch.nn.Unfold` does."""
    neighbours = value.unflatten(-1, (4, -1))[..., [0, 2, 1, 3], :]
    return neighbours.transpose(-1, -2).flatten(-2)


def _prepare(state: StateDict) -> StateDict:
    return {
        key: _order_as_unfold(value) if _MERGING.fullmatch(key) else value
        for key, value in _without_aliases(state).items()
    }


def _config_of(state: StateDict) -> str | None:
    """The config whose backbone has the same width as that in the file."""
    width = state[_EMBEDDING].shape[0] if _EMBEDDING in state else None
    return {
        96: 'semantic_sam/semantic_sam_swint_sirst.py',
        192: 'semantic_sam/semantic_sam_swinl_sirst.py',
    }.get(width)


SEMANTIC_SAM = Family(
    name='semantic-sam',
    config='semantic_sam/semantic_sam_swint_sirst.py',
    config_of=_config_of,
    prepare=_prepare,
    rules=(
        Rule(r'backbone\.patch_embed\.proj\.(\w+)', r'backbone.patch_embed.projection.\1'),
        Rule(
            _BLOCK + r'\.attn\.((?:qkv|proj)\.\w+|relative_\w+_table)',
            r'backbone.stages.\1.attn.w_msa.\2',
        ),
        Rule(_BLOCK + r'\.mlp\.fc1\.(\w+)', r'backbone.stages.\1.ffn.layers.0.0.\2'),
        Rule(_BLOCK + r'\.mlp\.fc2\.(\w+)', r'backbone.stages.\1.ffn.layers.1.\2'),
        Rule(
            r'backbone\.layers\.(\d+\.(?:blocks\.\d+\.norm[12]|downsample)\..+)',
            r'backbone.stages.\1',
        ),
        Rule(r'(backbone\.(?:patch_embed\.norm|norm[0-3])\.\w+)', r'\1'),
        Rule(
            _PIXEL + r'transformer\.encoder\.(layers\.\d+)\.linear([12]\.\w+)',
            rf'{_PIXEL_TARGET}\1.ffn.lin\2',
        ),
        Rule(_PIXEL + r'transformer\.encoder\.(layers\..+)', rf'{_PIXEL_TARGET}\1'),
        Rule(_PIXEL + r'transformer\.(level_embed)', rf'{_PIXEL_TARGET}\1'),
        *detectron_conv_rules(_PIXEL + r'adapter_1', f'{_PIXEL_TARGET}lateral'),
        *detectron_conv_rules(_PIXEL + r'layer_1', f'{_PIXEL_TARGET}output'),
        Rule(_PIXEL + r'((?:input_proj|mask_features)\..+)', rf'{_PIXEL_TARGET}\1'),
        Rule(
            _PREDICTOR + r'decoder\.(layers\.\d+)\.linear([12]\.\w+)',
            rf'{_DECODER_TARGET}\1.ffn.lin\2',
        ),
        Rule(_PREDICTOR + r'decoder\.((?:layers|ref_point_head)\..+)', rf'{_DECODER_TARGET}\1'),
        Rule(_PREDICTOR + r'_(bbox_embed\..+)', rf'{_DECODER_TARGET}\1'),
        Rule(
            _PREDICTOR + r'((?:decoder_norm|mask_embed|iou_prediction_head|mask_tokens'
            r'|pb_embedding|label_enc)\..+)',
            rf'{_DECODER_TARGET}\1',
        ),
    ),
    unused=(
        Unused(
            _PREDICTOR + r'(decoder\.norm|(decoder\.)?bbox_embed\.\d+)\..+',
            'second names of shared parameters, with the same values',
        ),
        Unused(
            _PREDICTOR + r'(lang_mapper|class_embed|class_embed_part)',
            'the language part, which the models trained on SA-1B never use',
        ),
        Unused(r'.+\.relative_position_index', 'computed from the window size'),
        Unused(r'criterion\..+', 'the training criterion'),
    ),
    computed=r'.+\.relative_position_index',
    first_convolutions=('backbone.patch_embed.projection.weight',),
    note='Swin-T and Swin-L are distinguished by their width.',
)
