"""Keys of MSHNet, most of which HDNet shares."""

from mmirstd.conversion.common import Family, Rule
from mmirstd.conversion.residual import CBAM_BLOCK_RULES, rename_blocks

MSHNET_RULES = (
    Rule(r'conv_init\.(\w+)', r'backbone.entry.\1'),
    *rename_blocks(r'encoder_([0-3])\.(\d+)', r'backbone.encoder.\1.\2', CBAM_BLOCK_RULES),
    *rename_blocks(r'middle_layer\.(\d+)', r'backbone.encoder.4.\1', CBAM_BLOCK_RULES),
    *rename_blocks(r'decoder_([0-3])\.(\d+)', r'backbone.decoder.<3-\1>.\2', CBAM_BLOCK_RULES),
    Rule(r'output_([0-3])\.(\w+)', r'decode_head.side_heads.\1.\2'),
    Rule(r'final\.(\w+)', r'decode_head.conv_seg.\1'),
)

MSHNET = Family(
    name='mshnet',
    config='mshnet/mshnet_nudt.py',
    rules=MSHNET_RULES,
    first_convolutions=('backbone.entry.weight',),
)
