"""Keys of UIU-Net: the official release and BasicIRSTD's copy share them."""

from collections.abc import Iterator

from mmirstd.conversion.common import Family, Rule

_LAYERS = {'conv_s1': 0, 'bn_s1': 1}
_SIDES = {'': ('encoder', r'<\1-1>'), 'd': ('decoder', r'<5-\1>')}
"""What the names of a side end in -> our name and number; our decoder runs from deep to shallow."""


def _stage_rules() -> Iterator[Rule]:
    for suffix, (side, number) in _SIDES.items():
        source, target = rf'stage([1-6]){suffix}\.rebnconv', f'backbone.{side}.{number}'
        for name, layer in _LAYERS.items():
            yield Rule(rf'{source}in\.{name}\.(\w+)', rf'{target}.entry.{layer}.\2')
            for end, (inner, _) in _SIDES.items():
                yield Rule(
                    rf'{source}(\d){end}\.{name}\.(\w+)', rf'{target}.{inner}.<\2-1>.{layer}.\3'
                )


def _fusion(part: str, target: str) -> Rule:
    """A part of a fusion; group 1 is the fusion's number."""
    return Rule(rf'fuse([2-5])\.{part}', rf'backbone.fusions.<5-\1>.{target}')


UIUNET = Family(
    name='uiunet',
    config='uiunet/uiunet_nudt.py',
    rules=(
        *_stage_rules(),
        _fusion(r'feature_high\.([01])\.(\w+)', r'high.\2.\3'),
        _fusion(r'topdown\.([1245])\.(\w+)', r'channel_gate.\2.\3'),
        _fusion(r'bottomup\.([01])\.(\w+)', r'place_gate.0.\2.\3'),
        _fusion(r'bottomup\.3\.conv1\.(\w+)', r'place_gate.1.conv.\2'),
        _fusion(r'post\.([01])\.(\w+)', r'post.\2.\3'),
        Rule(r'side([1-6])\.(\w+)', r'decode_head.side_heads.<\1-1>.\2'),
        Rule(r'outconv\.(\w+)', r'decode_head.conv_seg.\1'),
    ),
    first_convolutions=('backbone.encoder.0.entry.0.weight',),
    note='The original applies a sigmoid inside the model; ours returns logits.',
)
