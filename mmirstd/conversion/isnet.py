"""Keys of ISNet: the official release (modulated offsets) and BasicIRSTD's copy (plain ones)."""

from mmirstd.conversion.common import Family, Rule, StateDict, Unused
from mmirstd.conversion.residual_unet import (
    INPUT_STATISTICS,
    fcn_head_rules,
    residual_encoder_rules,
    residual_unet_decoder_rules,
)

_ATTENTIONS = {'low': 0, 'high': 1}
_ORIENTATIONS = {'row': 'row', 'colum': 'column'}


def _drop_gradient_kernels(state: StateDict) -> StateDict:
    """Some BasicIRSTD files carry the constant kernels of the image gradient."""
    return {name: value for name, value in state.items() if not name.startswith('grad.weight_')}


def _attention_rules() -> tuple[Rule, ...]:
    rules: list[Rule] = []
    for name, index in _ATTENTIONS.items():
        target = f'backbone.decoder.fusions.{index}'
        rules.append(Rule(rf'TTOA_{name}\.preprocess\.([01])\.(\w+)', rf'{target}.project.\1.\2'))
        for old, new in _ORIENTATIONS.items():
            source = rf'TTOA_{name}\.dcn_{old}'
            rules += [
                Rule(rf'{source}\.conv_offset(?:_mask)?\.(\w+)', rf'{target}.{new}.offset.\1'),
                Rule(rf'{source}\.(\w+)', rf'{target}.{new}.conv.\1'),
            ]
    return tuple(rules)


def _edge_rules() -> tuple[Rule, ...]:
    def block(number: str) -> str:
        return f'backbone.edge_blocks.{int(number) - 1}'

    places = {'res1': 'first', 'res2': 'second'}
    return (
        Rule(r'dsup\.(\w+)', r'backbone.edge_entry.\1'),
        Rule(
            r'dsn([123])\.(\w+)',
            lambda match: f'backbone.edge_guides.{int(match[1]) - 1}.{match[2]}',
        ),
        Rule(
            r'myb([123])\.(res[12])\.(\w+)\.(\w+)',
            lambda match: f'{block(match[1])}.{places[match[2]]}.{match[3]}.{match[4]}',
        ),
        Rule(r'myb([123])\.gate\.weight', lambda match: f'{block(match[1])}.gate.conv.weight'),
        Rule(
            r'myb([123])\.gate\._gate_conv\.(\d)\.(\w+)',
            lambda match: f'{block(match[1])}.gate.gate.{match[2]}.{match[3]}',
        ),
        Rule(r'fuse\.weight', 'backbone.edge_classifier.weight'),
    )


ISNET = Family(
    name='isnet',
    config='isnet/isnet_nudt.py',
    prepare=_drop_gradient_kernels,
    rules=(
        *residual_encoder_rules(),
        *residual_unet_decoder_rules(),
        *_attention_rules(),
        *_edge_rules(),
        *fcn_head_rules(),
    ),
    unused=(
        Unused(
            r'(res[123]|d[123]|cw|gate[123]|SA|SA_att|head2|conv2_1|conv16)\..+',
            'built by the original but never applied (103,709 parameters)',
        ),
    ),
    first_convolutions=('backbone.encoder.stem.0.0.weight', 'backbone.edge_entry.weight'),
    image_statistics=INPUT_STATISTICS,
    note=(
        'BasicIRSTD files need a config with modulated=False and in_channels=1. Official files '
        'are whole pickled models and need --allow-pickle and the original classes.'
    ),
)
