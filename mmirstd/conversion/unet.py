"""Keys of BasicIRSTD's U-Net."""

import re

from mmirstd.conversion.common import Family, Rule


def _double_conv(match: re.Match[str]) -> str:
    """Conv, BN and ReLU twice: the layers 0, 1, 3, 4 are 0.0, 0.1, 1.0, 1.1."""
    number, layer = int(match[2]), int(match[3])
    # Our decoder runs from deep to shallow.
    stage = f'decoder.{5 - number}' if match[1] else f'encoder.{number - 1}'
    return f'backbone.{stage}.{layer // 3}.{layer % 3}.{match[4]}'


UNET = Family(
    name='unet',
    config='unet/unet_nudt.py',
    rules=(
        Rule(r'Conv()([1-5])\.conv\.([0134])\.(\w+)', _double_conv),
        Rule(r'(Up_conv)([2-5])\.conv\.([0134])\.(\w+)', _double_conv),
        Rule(
            r'Up([2-5])\.up\.([12])\.(\w+)',
            lambda match: f'backbone.upsample.{5 - int(match[1])}.1.{int(match[2]) - 1}.{match[3]}',
        ),
        Rule(r'Conv\.(\w+)', r'decode_head.conv_seg.\1'),
    ),
    first_convolutions=('backbone.encoder.0.0.0.weight',),
    note='The original applies a sigmoid inside the model; ours returns logits.',
)
