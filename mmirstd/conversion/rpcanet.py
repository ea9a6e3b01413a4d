"""Keys of RPCANet and RPCANet++."""

import re
from collections.abc import Sequence

from mmirstd.conversion.common import Family, Rule, Unused

_STAGE, _TARGET = r'decos\.(\d+)\.', r'backbone.stages.\1.'
_LSTM_GATES = {'f': 'forget', 'i': 'input', 'o': 'output', 'j': 'candidate'}
_LSTM_SOURCES = {'x': 'from_input', 'h': 'from_hidden'}


def _stack(source: str, target: str, *, spacing: int, layers: int) -> Rule:
    """Convolutions that the original numbers together with norms and activations.

    In our names every convolution is grouped with the layers that follow it. A group is ``spacing``
    layers of the original; after ``layers`` groups comes the last convolution, which is not
    grouped.
    """

    def rename(match: re.Match[str]) -> str:
        group, place = divmod(int(match[2]), spacing)
        inside = '' if group == layers else f'{place}.'
        return match.expand(rf'{_TARGET}{target}.{group}.{inside}\3')

    return Rule(rf'{_STAGE}{source}\.(\d+)\.(\w+)', rename)


_SHARED_RULES = (
    Rule(rf'{_STAGE}sparse\.epsilon', rf'{_TARGET}target.epsilon'),
    _stack(r'sparse\.convs', 'target.direction', spacing=2, layers=7),
    _stack(r'merge\.mapping', 'rebuild', spacing=3, layers=4),
)
_NOTE = 'The original applies a sigmoid in its loss and inference script; ours returns logits.'

RPCANET = Family(
    name='rpcanet',
    config='rpcanet/rpcanet_nudt.py',
    rules=(*_SHARED_RULES, _stack(r'lowrank\.convs', 'background.correction', spacing=3, layers=4)),
    note=_NOTE,
)


def _lstm_target(match: re.Match[str]) -> str:
    source, gate = _LSTM_SOURCES[match[2]], _LSTM_GATES[match[3]]
    return match.expand(rf'{_TARGET}background.memory.{source}.{gate}.\4')


def _contrast_rules() -> Sequence[Rule]:
    source, target = rf'{_STAGE}sparse\.contrast\.', rf'{_TARGET}target.contrast.'
    return (
        Rule(rf'{source}0\.(\w+)', rf'{target}0.0.\2'),
        Rule(rf'{source}2\.conv\.weight', rf'{target}1.conv.weight'),
        Rule(rf'{source}2\.attn\.avg_channel\.([1245])\.(\w+)', rf'{target}1.gate.\2.\3'),
        Rule(rf'{source}3\.(\w+)', rf'{target}2.\2'),
        Rule(rf'{source}5\.(\w+)', rf'{target}4.\2'),
    )


RPCANET_PP = Family(
    name='rpcanet_pp',
    config='rpcanet_pp/rpcanet_pp_nudt.py',
    rules=(
        *_SHARED_RULES,
        *_contrast_rules(),
        Rule(rf'{_STAGE}lowrank\.conv1_C\.([01])\.(\w+)', rf'{_TARGET}background.entry.\2.\3'),
        Rule(rf'{_STAGE}lowrank\.RB_1\.(conv[12])\.(\w+)', rf'{_TARGET}background.before.\2.\3'),
        Rule(rf'{_STAGE}lowrank\.RB_2\.(conv[12])\.(\w+)', rf'{_TARGET}background.after.\2.\3'),
        Rule(rf'{_STAGE}lowrank\.convC_1\.(\w+)', rf'{_TARGET}background.exit.\2'),
        Rule(rf'{_STAGE}lowrank\.ConvLSTM\.conv_([xh])([fioj])\.(\w+)', _lstm_target),
    ),
    unused=(
        Unused(
            r'decos\.0\.lowrank\.ConvLSTM\.conv_(xf|h[fioj])\.(weight|bias)',
            'the first stage has no states, so the original never uses these weights',
        ),
    ),
    note=f'{_NOTE} For the versions of 3 and 9 stages set model.backbone.stages.',
)
