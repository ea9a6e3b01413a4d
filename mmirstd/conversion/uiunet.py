"""Keys of UIU-Net: the official release and BasicIRSTD's copy share them."""

import re
from collections.abc import Callable

from mmirstd.conversion.common import Family, Rule

_LAYERS = {'conv_s1': '0', 'bn_s1': '1'}
_STAGE = r'stage([1-6])(d?)\.rebnconv'


def _stage(match: re.Match[str]) -> str:
    number, decoder = int(match[1]), bool(match[2])
    # Our decoder runs from deep to shallow.
    return f'backbone.decoder.{5 - number}' if decoder else f'backbone.encoder.{number - 1}'


def _entry(match: re.Match[str]) -> str:
    return f'{_stage(match)}.entry.{_LAYERS[match[3]]}.{match[4]}'


def _level(match: re.Match[str]) -> str:
    side = 'decoder' if match[4] else 'encoder'
    return f'{_stage(match)}.{side}.{int(match[3]) - 1}.{_LAYERS[match[5]]}.{match[6]}'


def _fusion(part: str) -> str:
    """Pattern of a part of a fusion; group 1 is the fusion's number."""
    return rf'fuse([2-5])\.{part}'


def _fusion_target(part: str) -> Callable[[re.Match[str]], str]:
    def target(match: re.Match[str]) -> str:
        return match.expand(f'backbone.fusions.{5 - int(match[1])}.{part}')

    return target


UIUNET = Family(
    name='uiunet',
    config='uiunet/uiunet_nudt.py',
    rules=(
        Rule(_STAGE + r'in\.(conv_s1|bn_s1)\.(\w+)', _entry),
        Rule(_STAGE + r'(\d)(d?)\.(conv_s1|bn_s1)\.(\w+)', _level),
        Rule(_fusion(r'feature_high\.([01])\.(\w+)'), _fusion_target(r'high.\2.\3')),
        Rule(_fusion(r'topdown\.([1245])\.(\w+)'), _fusion_target(r'channel_gate.\2.\3')),
        Rule(_fusion(r'bottomup\.([01])\.(\w+)'), _fusion_target(r'place_gate.0.\2.\3')),
        Rule(_fusion(r'bottomup\.3\.conv1\.(\w+)'), _fusion_target(r'place_gate.1.conv.\2')),
        Rule(_fusion(r'post\.([01])\.(\w+)'), _fusion_target(r'post.\2.\3')),
        Rule(
            r'side([1-6])\.(\w+)',
            lambda match: f'decode_head.side_heads.{int(match[1]) - 1}.{match[2]}',
        ),
        Rule(r'outconv\.(\w+)', r'decode_head.conv_seg.\1'),
    ),
    first_convolutions=('backbone.encoder.0.entry.0.weight',),
    note='The original applies a sigmoid inside the model; ours returns logits.',
)
