"""Keys of HDNet: those of MSHNet, the contrast blocks and the frequency branch."""

from mmirstd.conversion.common import Family, Unused
from mmirstd.conversion.mshnet import MSHNET_RULES
from mmirstd.conversion.residual import CBAM_BLOCK_RULES, rename_blocks

_CONTRAST_RULES = (
    (r'inconv\.([01])\.(\w+)', r'entry.\1.\2'),
    (r'conv1\.([01])\.(\w+)', r'near.\1.\2'),
    (r'conv2\.([01])\.(\w+)', r'far.\1.\2'),
    (r'conv3\.0\.(\w+)', r'centre.\1'),
    (r'conv4\.0\.(\w+)', r'ring.\1'),
    (r'conv5\.0\.(\w+)', r'centre_to_ring.0.\1'),
    (r'outconv\.([01])\.(\w+)', r'post.\1.\2'),
)

HDNET = Family(
    name='hdnet',
    config='hdnet/hdnet_nudt.py',
    rules=(
        *rename_blocks(r'encoder_([0-3])\.0', r'backbone.encoder.\1.0', _CONTRAST_RULES),
        *rename_blocks(r'middle_layer\.0', r'backbone.encoder.4.0', _CONTRAST_RULES),
        *rename_blocks(r'py_init\.0', r'backbone.detail', CBAM_BLOCK_RULES),
        *MSHNET_RULES,
    ),
    unused=(
        Unused(
            r'(encoder_[0-3]|middle_layer)\.0\.(ca\.fc[12]|sa\.conv1)\.weight',
            'attention of the contrast blocks that the original never applies',
        ),
    ),
    first_convolutions=(
        'backbone.entry.weight',
        'backbone.detail.conv1.weight',
        'backbone.detail.shortcut.0.weight',
    ),
)
