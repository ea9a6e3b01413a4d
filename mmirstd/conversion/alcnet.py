"""Keys of BasicIRSTD's ALCNet, which resembles its ACM."""

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
        *asymmetric_fusion_rules('fuse23', 'backbone.decoder.fusions.0'),
        *asymmetric_fusion_rules('fuse12', 'backbone.decoder.fusions.1'),
        *fcn_head_rules(),
    ),
    unused=(
        Unused(
            r'uplayer[12]\..+',
            'residual blocks of the decoder that the original creates and never applies',
        ),
    ),
    first_convolutions=('backbone.encoder.stem.0.0.weight',),
    image_statistics=INPUT_STATISTICS,
    note=(
        'The original applies a sigmoid inside the model; ours returns logits. It does not compute '
        'local contrast: see docs/reference/models.md.'
    ),
)
