"""Keys of AGPCNet."""

import re
from collections.abc import Iterator

from mmirstd.conversion.common import Family, Rule
from mmirstd.conversion.residual import TORCHVISION_BLOCK_RULES, rename_blocks
from mmirstd.conversion.residual_unet import fcn_head_rules


def _fusion_rules() -> Iterator[Rule]:
    for source, target in (('fuse23', 'backbone.fusions.0'), ('fuse12', 'backbone.fusions.1')):
        yield Rule(rf'{source}\.plus_conv\.([01])\.(\w+)', rf'{target}.high.\1.\2')
        yield Rule(rf'{source}\.ca\.([1245])\.(\w+)', rf'{target}.channel_gate.\1.\2')
        yield _gate(rf'{source}\.pa', f'{target}.place_gate')
        yield Rule(rf'{source}\.end_conv\.([01])\.(\w+)', rf'{target}.post.\1.\2')


def _gate(source: str, target: str) -> Rule:
    """A gate without pooling: the original's numbers start one lower than ours."""
    groups = re.compile(source).groups
    return Rule(rf'{source}\.([0134])\.(\w+)', rf'{target}.<\{groups + 1}+1>.\{groups + 2}')


def _context_rules() -> Iterator[Rule]:
    yield Rule(r'context\.conv1\.([01])\.(\w+)', r'backbone.context.reduce.\1.\2')
    yield Rule(r'context\.conv2\.([01])\.(\w+)', r'backbone.context.expand.\1.\2')
    source, target = r'context\.scale_list\.(\d)', r'backbone.context.blocks.\1.'
    yield Rule(rf'{source}\.gamma', rf'{target}gamma')
    yield Rule(rf'{source}\.conv\.([01])\.(\w+)', rf'{target}post.\2.\3')
    yield _gate(rf'{source}\.attention\.conv_att', rf'{target}gate')
    for part, name in (
        ('non_local', 'within_patch'),
        (r'attention\.non_local_att', 'between_patches'),
    ):
        yield Rule(rf'{source}\.{part}\.gamma', rf'{target}{name}.gamma')
        yield Rule(rf'{source}\.{part}\.(query|key|value)_conv\.(\w+)', rf'{target}{name}.\2.\3')


AGPCNET = Family(
    name='agpcnet',
    config='agpcnet/agpcnet_nudt.py',
    rules=(
        Rule(r'backbone\.conv1\.weight', 'backbone.stem.0.weight'),
        Rule(r'backbone\.bn1\.(\w+)', r'backbone.stem.1.\1'),
        *rename_blocks(
            r'backbone\.layer([1-4])\.(\d+)', r'backbone.encoder.<\1-1>.\2', TORCHVISION_BLOCK_RULES
        ),
        *_context_rules(),
        *_fusion_rules(),
        *fcn_head_rules(),
    ),
    first_convolutions=('backbone.stem.0.weight',),
    note=(
        'agpcnet_1 and agpcnet_2 have the same keys and shapes: for a file of agpcnet_2 set '
        'model.backbone.scales=[10,6,5,4] when you use it.'
    ),
)
