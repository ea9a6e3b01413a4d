"""Key rules of the encoder, decoder, fusions and head that ACM, ALCNet and ISNet share."""

from mmirstd.conversion.common import Rule
from mmirstd.conversion.residual import (
    GLUON_BLOCK_RULES,
    TORCHVISION_BLOCK_RULES,
    rename_blocks,
)

_BLOCK_RULES = (*GLUON_BLOCK_RULES, *TORCHVISION_BLOCK_RULES)

INPUT_STATISTICS = tuple(
    f'backbone.encoder.input_norm.{name}'
    for name in ('weight', 'bias', 'running_mean', 'running_var')
)
"""Vectors with one entry per image channel."""


def residual_encoder_rules() -> tuple[Rule, ...]:
    """Rules of ``stem.*`` and ``layer1-3.*``."""
    target = 'backbone.encoder.'
    stem = (
        Rule(r'stem\.0\.(\w+)', rf'{target}input_norm.\1'),
        # Three groups of convolution, BN and ReLU after the input BN.
        Rule(
            r'stem\.([124578])\.(\w+)',
            lambda match: (
                f'{target}stem.{(int(match[1]) - 1) // 3}.{(int(match[1]) - 1) % 3}.{match[2]}'
            ),
        ),
    )
    stages = (
        rule
        for number in (1, 2, 3)
        for rule in rename_blocks(
            rf'layer{number}\.(\d+)', rf'{target}stages.{number - 1}.\1', _BLOCK_RULES
        )
    )
    return (*stem, *stages)


def residual_unet_decoder_rules() -> tuple[Rule, ...]:
    """Rules of ``deconv2/1.*`` and ``uplayer2/1.*``."""
    target = 'backbone.decoder.'
    upsample = (
        Rule(rf'deconv{number}\.(\w+)', rf'{target}upsample.{2 - number}.\1') for number in (1, 2)
    )
    stages = (
        rule
        for number in (1, 2)
        for rule in rename_blocks(
            rf'uplayer{number}\.(\d+)', rf'{target}stages.{2 - number}.\1', _BLOCK_RULES
        )
    )
    return (*upsample, *stages)


def asymmetric_fusion_rules(source: str, target: str) -> tuple[Rule, ...]:
    """Rules of a fusion: ``feature_high``, ``topdown``, ``bottomup`` and ``post``."""
    layer = r'(\w+)'
    return (
        Rule(rf'{source}\.feature_high\.([01])\.{layer}', rf'{target}.high.\1.\2'),
        Rule(rf'{source}\.topdown\.([1245])\.{layer}', rf'{target}.channel_gate.\1.\2'),
        # Without a pooling layer in front the original numbers start one lower.
        *(
            Rule(
                rf'{source}\.bottomup\.{number}\.{layer}',
                rf'{target}.place_gate.{number + 1}.\1',
            )
            for number in (0, 1, 3, 4)
        ),
        Rule(rf'{source}\.post\.([01])\.{layer}', rf'{target}.post.\1.\2'),
    )


def fcn_head_rules() -> tuple[Rule, ...]:
    """Rules of ``head.block.*``: 3x3 conv, BN, ReLU, dropout, 1x1 conv."""
    return (
        Rule(r'head\.block\.([01])\.(\w+)', r'decode_head.hidden.\1.\2'),
        Rule(r'head\.block\.4\.(\w+)', r'decode_head.conv_seg.\1'),
    )
