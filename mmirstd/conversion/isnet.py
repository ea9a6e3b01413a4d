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
    source, target = r'myb([123])', r'backbone.edge_blocks.<\1-1>'
    return (
        Rule(r'dsup\.(\w+)', r'backbone.edge_entry.\1'),
        Rule(r'dsn([123])\.(\w+)', r'backbone.edge_guides.<\1-1>.\2'),
        Rule(rf'{source}\.res1\.(\w+\.\w+)', rf'{target}.first.\2'),
        Rule(rf'{source}\.res2\.(\w+\.\w+)', rf'{target}.second.\2'),
        Rule(rf'{source}\.gate\.weight', rf'{target}.gate.conv.weight'),
        Rule(rf'{source}\.gate\._gate_conv\.(\d\.\w+)', rf'{target}.gate.gate.\2'),
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
