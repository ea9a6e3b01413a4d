"""Keys of RDIAN."""

import torch

from mmirstd.conversion.common import ConversionError, Family, Rule, StateDict, Unused
from mmirstd.conversion.residual_unet import fcn_head_rules

_DIRECTIONS = ((-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1))
"""Rows and columns from the centre, in the order of ``d11`` to ``d18``, clockwise."""


def direction_kernels() -> StateDict:
    """The constants ``d11.weight`` to ``d18.weight``: +1 in the centre, -1 two pixels away."""
    kernels = {}
    for number, (rows, columns) in enumerate(_DIRECTIONS, start=11):
        kernel = torch.zeros(1, 1, 5, 5)
        kernel[0, 0, 2, 2] = 1
        kernel[0, 0, 2 + 2 * rows, 2 + 2 * columns] = -1
        kernels[f'd{number}.weight'] = kernel
    return kernels


def as_our_layers(state: StateDict) -> StateDict:
    """Linear layers as 1x1 convolutions, and the maximum after the mean.

    Raises:
        ConversionError: A direction kernel is not the constant that it is in the original.
    """
    for name, kernel in direction_kernels().items():
        if name in state and not torch.equal(state[name].float(), kernel):
            raise ConversionError(
                f'{name} is not the constant kernel of RDIAN (+1 in the centre, -1 two pixels '
                'away): another revision, or a file whose kernels were trained.'
            )
    state = dict(state)
    for name, value in state.items():
        if name.startswith('cbam.ChannelGate.mlp.') and value.dim() == 2:
            state[name] = value[:, :, None, None]
        elif name == 'cbam.SpatialGate.spatial.conv.weight':
            state[name] = value.flip(1)
    return state


RDIAN = Family(
    name='rdian',
    config='rdian/rdian_nudt.py',
    prepare=as_our_layers,
    rules=(
        Rule(r'conv1\.([01])\.(\w+)', r'backbone.entry.\1.\2'),
        Rule(r'conv2\.([01])\.(\w+)', r'backbone.reduce.\1.\2'),
        Rule(r'conv_cat\.([01])\.(\w+)', r'backbone.fuse.\1.\2'),
        Rule(r'conv_res\.([01])\.(\w+)', r'backbone.shortcut.\1.\2'),
        Rule(
            r'residual_block([0-3])\.(\d)\.layer1\.([01])\.(\w+)',
            r'backbone.branches.\1.\2.reduce.\3.\4',
        ),
        Rule(
            r'residual_block([0-3])\.(\d)\.layer2\.([01])\.(\w+)',
            r'backbone.branches.\1.\2.expand.\3.\4',
        ),
        Rule(
            r'cbam\.ChannelGate\.mlp\.([13])\.(\w+)',
            r'backbone.attention.channel.perceptron.<\1-1>.\2',
        ),
        Rule(r'cbam\.SpatialGate\.spatial\.conv\.(\w+)', r'backbone.attention.spatial.conv.\1'),
        Rule(r'cbam\.SpatialGate\.spatial\.bn\.(\w+)', r'backbone.attention.spatial.norm.\1'),
        *fcn_head_rules(),
    ),
    unused=(
        Unused(r'd1[1-8]\.weight', 'constant direction kernels, which we compute as differences'),
    ),
    first_convolutions=('backbone.entry.0.weight',),
    note="BasicIRSTD applies a sigmoid inside the model; ours and the authors' return logits.",
)
