"""Keys of DNANet: the official release and BasicIRSTD's copy share them."""

from mmirstd.conversion.common import Family, Rule
from mmirstd.conversion.residual import CBAM_BLOCK_RULES, rename_blocks

DNANET = Family(
    name='dnanet',
    config='dnanet/dnanet_nudt.py',
    rules=(
        *rename_blocks(r'conv(\d)_(\d)\.(\d+)', r'backbone.nodes.\1_\2.\3', CBAM_BLOCK_RULES),
        *rename_blocks(r'conv0_4_final\.(\d+)', r'backbone.fuse.\1', CBAM_BLOCK_RULES),
        Rule(r'conv0_(\d)_1x1\.(.+)', r'backbone.lateral.<\1-1>.\2'),
        Rule(r'final([123])\.(.+)', r'decode_head.side_heads.<\1-1>.\2'),
        Rule(r'final4\.(.+)', r'decode_head.conv_seg.\1'),
    ),
    first_convolutions=(
        'backbone.nodes.0_0.0.conv1.weight',
        'backbone.nodes.0_0.0.shortcut.0.weight',
    ),
    note='Outputs are logits; BasicIRSTD applies a sigmoid inside its model.',
)
