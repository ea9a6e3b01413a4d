"""Keys of ISTDU-Net in BasicIRSTD and in its authors' files."""

from mmirstd.conversion.common import Family, Rule, Unused


def _attention(source: str, target: str) -> Rule:
    """Rule of one layer of an external attention; ``target`` may refer to groups from 2 on."""
    return Rule(rf'DN\.X([1-4])\.{source}', rf'backbone.attention.<\1-1>.{target}')


ISTDUNET = Family(
    name='istdunet',
    config='istdunet/istdunet_nudt.py',
    rules=(
        Rule(r'down\.stem\.0\.(\w+)', r'backbone.input_norm.\1'),
        Rule(r'down\.stem\.([12])\.(\w+)', r'backbone.stem.<\1-1>.\2'),
        Rule(r'down\.down\.layer([1-4])\.(.+)', r'backbone.encoder.<\1-1>.\2'),
        _attention(r'conv1\.(\w+)', r'entry.\2'),
        _attention(r'linear_0\.weight', 'keys.weight'),
        _attention(r'linear_1\.weight', 'values.weight'),
        _attention(r'conv2\.([01])\.(\w+)', r'out.\2.\3'),
        Rule(r'up\.up([123])\.([01])\.(\w+)', r'backbone.reduce.<\1-1>.\2.\3'),
        Rule(r'headSeg\.head\.([01])\.(\w+)', r'decode_head.hidden.\1.\2'),
        Rule(r'headSeg\.head\.3\.(\w+)', r'decode_head.conv_seg.\1'),
    ),
    unused=(Unused(r'headDet\..+', 'second head, which the prediction does not use'),),
    first_convolutions=('backbone.stem.0.weight',),
    image_statistics=('backbone.input_norm.running_mean', 'backbone.input_norm.running_var'),
    note=(
        'The original applies a sigmoid inside the model; ours returns logits. Files from '
        'a training on a CPU contain the same values in linear_0 and linear_1, files from a '
        'GPU two independent matrices; both are copied unchanged.'
    ),
)
