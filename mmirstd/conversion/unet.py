"""Keys of BasicIRSTD's U-Net."""

from mmirstd.conversion.common import Family, Rule

UNET = Family(
    name='unet',
    config='unet/unet_nudt.py',
    rules=(
        # Conv, BN and ReLU twice: the layers 0, 1, 3, 4 are 0.0, 0.1, 1.0, 1.1.
        Rule(r'Conv([1-5])\.conv\.([0134])\.(\w+)', r'backbone.encoder.<\1-1>.<\2//3>.<\2%3>.\3'),
        # Our decoder runs from deep to shallow.
        Rule(
            r'Up_conv([2-5])\.conv\.([0134])\.(\w+)', r'backbone.decoder.<5-\1>.<\2//3>.<\2%3>.\3'
        ),
        Rule(r'Up([2-5])\.up\.([12])\.(\w+)', r'backbone.upsample.<5-\1>.1.<\2-1>.\3'),
        Rule(r'Conv\.(\w+)', r'decode_head.conv_seg.\1'),
    ),
    first_convolutions=('backbone.encoder.0.0.0.weight',),
    note='The original applies a sigmoid inside the model; ours returns logits.',
)
