"""Key rules of the encoder, decoder, fusions and head that ACM, ALCNet and ISNet share."""

from mmirstd.conversion.common import Rule
from mmirstd.conversion.residual import GLUON_BLOCK_RULES, TORCHVISION_BLOCK_RULES, rename_blocks

_BLOCK_RULES = (*GLUON_BLOCK_RULES, *TORCHVISION_BLOCK_RULES)

INPUT_STATISTICS = tuple(
    f'backbone.encoder.input_norm.{name}'
    for name in ('weight', 'bias', 'running_mean', 'running_var')
)
"""Vectors with one entry per image channel."""


def residual_encoder_rules() -> tuple[Rule, ...]:
    """Rules of ``stem.*`` and ``layer1-3.*``."""
    return (
        Rule(r'stem\.0\.(\w+)', r'backbone.encoder.input_norm.\1'),
        # Three groups of convolution, BN and ReLU after the input BN.
        Rule(r'stem\.([147])\.(\w+)', r'backbone.encoder.stem.<\1//3>.0.\2'),
        Rule(r'stem\.([258])\.(\w+)', r'backbone.encoder.stem.<\1//3>.1.\2'),
        *rename_blocks(r'layer([123])\.(\d+)', r'backbone.encoder.stages.<\1-1>.\2', _BLOCK_RULES),
    )


def residual_unet_decoder_rules() -> tuple[Rule, ...]:
    """Rules of ``deconv2/1.*`` and ``uplayer2/1.*``."""
    return (
        Rule(r'deconv([12])\.(\w+)', r'backbone.decoder.upsample.<2-\1>.\2'),
        *rename_blocks(r'uplayer([12])\.(\d+)', r'backbone.decoder.stages.<2-\1>.\2', _BLOCK_RULES),
    )


def asymmetric_fusion_rules(source: str, target: str) -> tuple[Rule, ...]:
    """Rules of a fusion: ``feature_high``, ``topdown``, ``bottomup`` and ``post``."""
    return (
        Rule(rf'{source}\.feature_high\.([01])\.(\w+)', rf'{target}.high.\1.\2'),
        Rule(rf'{source}\.topdown\.([1245])\.(\w+)', rf'{target}.channel_gate.\1.\2'),
        # Without a pooling layer in front the original numbers start one lower.
        Rule(rf'{source}\.bottomup\.([0134])\.(\w+)', rf'{target}.place_gate.<\1+1>.\2'),
        Rule(rf'{source}\.post\.([01])\.(\w+)', rf'{target}.post.\1.\2'),
    )


def fcn_head_rules() -> tuple[Rule, ...]:
    """Rules of ``head.block.*``: 3x3 conv, BN, ReLU, dropout, 1x1 conv."""
    return (
        Rule(r'head\.block\.([01])\.(\w+)', r'decode_head.hidden.\1.\2'),
        Rule(r'head\.block\.4\.(\w+)', r'decode_head.conv_seg.\1'),
    )
