"""Key rules of the residual blocks that several models share."""

import re
from collections.abc import Sequence

from mmirstd.conversion.common import Rule

CBAM_BLOCK_RULES: tuple[tuple[str, str], ...] = (
    (r'(conv[12]|bn[12]|shortcut\.[01])\.(\w+)', r'\1.\2'),
    (r'ca\.fc1\.weight', 'attention.channel.perceptron.0.weight'),
    (r'ca\.fc2\.weight', 'attention.channel.perceptron.2.weight'),
    (r'sa\.conv1\.weight', 'attention.spatial.conv.weight'),
)
"""Block of DNANet and MSHNet: (pattern, target) of the part after the block's own name."""

GLUON_BLOCK_RULES: tuple[tuple[str, str], ...] = (
    (r'body\.0\.(\w+)', r'conv1.\1'),
    (r'body\.1\.(\w+)', r'bn1.\1'),
    (r'body\.3\.(\w+)', r'conv2.\1'),
    (r'body\.4\.(\w+)', r'bn2.\1'),
    (r'downsample\.([01])\.(\w+)', r'shortcut.\1.\2'),
)
"""Block of open-acm, its PyTorch port and ISNet."""

TORCHVISION_BLOCK_RULES: tuple[tuple[str, str], ...] = (
    (r'(conv[12]|bn[12])\.(\w+)', r'\1.\2'),
    (r'downsample\.([01])\.(\w+)', r'shortcut.\1.\2'),
)
"""Block of BasicIRSTD's ACM, named as in torchvision."""


def rename_blocks(block: str, target: str, inner: Sequence[tuple[str, str]]) -> tuple[Rule, ...]:
    """Rules for all layers of the blocks that match ``block``.

    Args:
        block: Regular expression of the block's own name.
        target: Its new name; may refer to the groups of ``block``.
        inner: Rules of the layers inside; their groups count from 1.
    """
    shift = re.compile(block).groups

    def shift_groups(text: str) -> str:
        return re.sub(r'\\(\d+)', lambda match: rf'\g<{int(match[1]) + shift}>', text)

    return tuple(
        Rule(rf'{block}\.{pattern}', f'{target}.{shift_groups(replacement)}')
        for pattern, replacement in inner
    )
