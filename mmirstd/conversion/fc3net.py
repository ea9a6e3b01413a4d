"""Keys of FC3-Net."""

import re

from mmirstd.conversion.common import Family, Rule, Unused

_CONV_BN = {'conv': '0', 'bn': '1'}
_FINE = {'b': 0, 'c1c2': 1, 'c2c3': 2}
_THIRD_BRANCH_MIDDLE = {1: 0, 2: 1, 4: 2, 5: 3, 6: 4}


def _block(target: str, match: re.Match[str]) -> str:
    """``target`` plus layer and parameter, the last two groups."""
    *_, layer, parameter = match.groups()
    return f'{target}.{_CONV_BN.get(layer, layer)}.{parameter}'


def _stream(name: str, numbers: dict[str, int]) -> Rule:
    """Blocks of the fine streams."""
    return Rule(
        rf'res({"|".join(numbers)})_?([1-6])\.(conv|bn)\.(\w+)',
        lambda match: _block(
            f'backbone.branches.{numbers[match[1]]}.{name}.{int(match[2]) - 1}', match
        ),
    )


def _middle(match: re.Match[str]) -> str:
    branch, number = int(match[1]) - 1, int(match[2])
    block = _THIRD_BRANCH_MIDDLE[number] if branch == 2 else number - 1
    return _block(f'backbone.branches.{branch}.middle.{block}', match)


def _exchange(match: re.Match[str]) -> int:
    """The original numbers the exchanges 3, 5, 7."""
    return (int(match[2]) - 3) // 2


FC3NET = Family(
    name='fc3net',
    config='fc3net/fc3net_nudt.py',
    rules=(
        Rule(r'input_bn0\.(\w+)', r'backbone.stem.0.\1'),
        Rule(
            r'stem([12])\.(conv|bn)\.(\w+)',
            lambda match: _block(f'backbone.stem.{match[1]}', match),
        ),
        Rule(r'input\.(\w+)', r'backbone.stem.3.0.\1'),
        Rule(r'input_bn\.(\w+)', r'backbone.stem.3.1.\1'),
        Rule(
            r'lay([123])\.(conv|bn)\.(\w+)',
            lambda match: _block(f'backbone.levels.{int(match[1]) - 1}', match),
        ),
        _stream('fine', _FINE),
        Rule(r'resc([12])_([1-6])\.(conv|bn)\.(\w+)', _middle),
        Rule(r'resc(3)_([12456])\.(conv|bn)\.(\w+)', _middle),
        Rule(
            r'(?:c1_down|resc([23])_d)\.(conv|bn)\.(\w+)',
            lambda match: _block(f'backbone.branches.{int(match[1] or 1) - 1}.coarsen', match),
        ),
        Rule(
            r'resc([123])_d_([1-6])\.(conv|bn)\.(\w+)',
            lambda match: _block(
                f'backbone.branches.{int(match[1]) - 1}.coarse.{int(match[2]) - 1}', match
            ),
        ),
        Rule(
            rf'({"|".join(_FINE)})_?([357])_down\.(conv|bn)\.(\w+)',
            lambda match: _block(
                f'backbone.branches.{_FINE[match[1]]}.down.{_exchange(match)}', match
            ),
        ),
        Rule(
            r'c([123])_d_([357])_up\.([01])\.(\w+)',
            lambda match: _block(
                f'backbone.branches.{int(match[1]) - 1}.up.{_exchange(match)}', match
            ),
        ),
        Rule(
            r'c([123])_up\.([01])\.(\w+)',
            lambda match: _block(f'backbone.top_down.{3 - int(match[1])}', match),
        ),
        Rule(
            r'CFC\.alpha([123])',
            lambda match: f'backbone.correlation.weights.{int(match[1]) - 1}',
        ),
        Rule(r'CFC\.uplayer3\.([01])\.(\w+)', r'backbone.correlation.high.\1.\2'),
        Rule(r'CFC\.uplayer4\.([01])\.(\w+)', r'backbone.correlation.middle.\1.\2'),
        Rule(r'CFC\.conv\.weight', 'backbone.correlation.gate.conv.weight'),
        Rule(r'head\.block\.([01])\.(\w+)', r'decode_head.hidden.\1.\2'),
        Rule(r'head\.block\.4\.(\w+)', r'decode_head.conv_seg.\1'),
    ),
    unused=(
        Unused(
            r'resc3_3\..+',
            'never applied by the original, which applies resc3_5 twice instead',
        ),
    ),
    first_convolutions=('backbone.stem.1.0.weight',),
    image_statistics=tuple(
        f'backbone.stem.0.{name}' for name in ('weight', 'bias', 'running_mean', 'running_var')
    ),
)
