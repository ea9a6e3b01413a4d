"""Keys of ALCNet as it circulates in PyTorch, a relative of BasicIRSTD's ACM.

The shapes are inferred from the published counts (docs/networks.md); the names are those of ACM,
continued by ``deconv0``, which is a guess. No file was at hand to compare with. A file with other
names or shapes is refused.
"""

from mmirstd.conversion.common import Family, Rule, Unused
from mmirstd.conversion.residual_unet import (
    INPUT_STATISTICS,
    asymmetric_fusion_rules,
    fcn_head_rules,
    residual_encoder_rules,
    residual_unet_decoder_rules,
)

ALCNET = Family(
    name='alcnet',
    config='alcnet/alcnet_nudt.py',
    rules=(
        *residual_encoder_rules(),
        *residual_unet_decoder_rules(),
        Rule(r'deconv0\.(\w+)', r'backbone.last_upsample.\1'),
        *asymmetric_fusion_rules('fuse2', 'backbone.decoder.fusions.0'),
        *asymmetric_fusion_rules('fuse1', 'backbone.decoder.fusions.1'),
        *fcn_head_rules(),
    ),
    unused=(
        Unused(
            r'uplayer[12]\..+',
            '92,928 parameters that, by its published cost, the original never applies',
        ),
    ),
    first_convolutions=('backbone.encoder.stem.0.0.weight',),
    image_statistics=INPUT_STATISTICS,
    note=(
        'The layers are inferred from published counts, and where the original takes its '
        'local contrast is not known: compare scores before relying on them. See docs/networks.md.'
    ),
)
