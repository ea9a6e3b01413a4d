"""Keys of FC3-Net."""

import re
from collections.abc import Iterator

from mmirstd.conversion.common import Family, Rule, Unused
from mmirstd.conversion.residual_unet import fcn_head_rules

_FINE = {'b': 0, 'c1c2': 1, 'c2c3': 2}


def _conv_bn(source: str, target: str) -> tuple[Rule, Rule]:
    """Rules of a block of a convolution and a batch norm."""
    parameter = re.compile(source).groups + 1
    return (
        Rule(rf'{source}\.conv\.(\w+)', rf'{target}.0.\{parameter}'),
        Rule(rf'{source}\.bn\.(\w+)', rf'{target}.1.\{parameter}'),
    )


def _branch_rules() -> Iterator[Rule]:
    for name, number in _FINE.items():
        branch = f'backbone.branches.{number}'
        yield from _conv_bn(rf'res{name}_?([1-6])', rf'{branch}.fine.<\1-1>')
        # The original numbers the exchanges 3, 5, 7.
        yield from _conv_bn(rf'{name}_?([357])_down', rf'{branch}.down.<\1//2-1>')
    branch = r'backbone.branches.<\1-1>'
    yield from _conv_bn(r'resc([12])_([1-6])', rf'{branch}.middle.<\2-1>')
    yield from _conv_bn(r'resc3_([12])', r'backbone.branches.2.middle.<\1-1>')
    yield from _conv_bn(r'resc3_([456])', r'backbone.branches.2.middle.<\1-2>')
    yield from _conv_bn(r'c1_down', 'backbone.branches.0.coarsen')
    yield from _conv_bn(r'resc([23])_d', rf'{branch}.coarsen')
    yield from _conv_bn(r'resc([123])_d_([1-6])', rf'{branch}.coarse.<\2-1>')
    yield Rule(r'c([123])_d_([357])_up\.([01])\.(\w+)', rf'{branch}.up.<\2//2-1>.\3.\4')


FC3NET = Family(
    name='fc3net',
    config='fc3net/fc3net_nudt.py',
    rules=(
        Rule(r'input_bn0\.(\w+)', r'backbone.stem.0.\1'),
        *_conv_bn(r'stem([12])', r'backbone.stem.\1'),
        Rule(r'input\.(\w+)', r'backbone.stem.3.0.\1'),
        Rule(r'input_bn\.(\w+)', r'backbone.stem.3.1.\1'),
        *_conv_bn(r'lay([123])', r'backbone.levels.<\1-1>'),
        *_branch_rules(),
        Rule(r'c([123])_up\.([01])\.(\w+)', r'backbone.top_down.<3-\1>.\2.\3'),
        Rule(r'CFC\.alpha([123])', r'backbone.correlation.weights.<\1-1>'),
        Rule(r'CFC\.uplayer3\.([01])\.(\w+)', r'backbone.correlation.high.\1.\2'),
        Rule(r'CFC\.uplayer4\.([01])\.(\w+)', r'backbone.correlation.middle.\1.\2'),
        Rule(r'CFC\.conv\.weight', 'backbone.correlation.gate.conv.weight'),
        *fcn_head_rules(),
    ),
    unused=(
        Unused(
            r'resc3_3\..+', 'never applied by the original, which applies resc3_5 twice instead'
        ),
    ),
    first_convolutions=('backbone.stem.1.0.weight',),
    image_statistics=tuple(
        f'backbone.stem.0.{name}' for name in ('weight', 'bias', 'running_mean', 'running_var')
    ),
)
