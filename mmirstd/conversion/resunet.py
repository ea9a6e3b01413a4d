"""Keys of BasicIRSTD's ResUNet."""

from mmirstd.conversion.common import Family, Rule
from mmirstd.conversion.residual import CBAM_BLOCK_RULES, rename_blocks

RESUNET = Family(
    name='resunet',
    config='resunet/resunet_nudt.py',
    rules=(
        *rename_blocks(r'conv([0-3])_0\.(\d+)', r'backbone.encoder.\1.\2', CBAM_BLOCK_RULES),
        *rename_blocks(
            r'conv([0-2])_[1-3]\.(\d+)', r'backbone.decoder.<2-\1>.\2', CBAM_BLOCK_RULES
        ),
        Rule(r'final\.(\w+)', r'decode_head.conv_seg.\1'),
    ),
    first_convolutions=(
        'backbone.encoder.0.0.conv1.weight',
        'backbone.encoder.0.0.shortcut.0.weight',
    ),
    note='The original applies a sigmoid inside the model; ours returns logits.',
)
