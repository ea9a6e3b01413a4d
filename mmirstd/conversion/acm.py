"""Keys of ACM in its four code bases.

open-acm itself is MXNet: its checkpoint has to be exported once, where MXNet is installed, to a
PyTorch file of tensors under the structural names (``stem.1.weight``, with gamma as ``weight``
and beta as ``bias``). Such names are converted here.
"""

from mmirstd.conversion.common import Family, Rule, Unused
from mmirstd.conversion.residual_unet import (
    fcn_head_rules,
    residual_encoder_rules,
    residual_unet_decoder_rules,
)

_LAYER = r'(\w+)'


def _fusion_rules(source: str, target: str) -> tuple[Rule, ...]:
    return (
        Rule(rf'{source}\.feature_high\.([01])\.{_LAYER}', rf'{target}.high.\1.\2'),
        Rule(rf'{source}\.topdown\.([1245])\.{_LAYER}', rf'{target}.channel_gate.\1.\2'),
        # Without a pooling layer in front the original numbers start one lower.
        *(
            Rule(
                rf'{source}\.bottomup\.{number}\.{_LAYER}',
                rf'{target}.place_gate.{number + 1}.\1',
            )
            for number in (0, 1, 3, 4)
        ),
        Rule(rf'{source}\.post\.([01])\.{_LAYER}', rf'{target}.post.\1.\2'),
    )


ACM = Family(
    name='acm',
    config='acm/acm_nudt.py',
    rules=(
        *residual_encoder_rules(),
        *residual_unet_decoder_rules(),
        *_fusion_rules('fuse2', 'backbone.decoder.fusions.0'),
        *_fusion_rules('fuse1', 'backbone.decoder.fusions.1'),
        *_fusion_rules('fuse23', 'backbone.fusions.0'),
        *_fusion_rules('fuse12', 'backbone.fusions.1'),
        *fcn_head_rules(),
    ),
    unused=(
        Unused(
            r'stem\.0\.(weight|bias)',
            'constant scale and shift of the input BN in open-acm',
        ),
    ),
    first_convolutions=('backbone.encoder.stem.0.0.weight',),
    image_statistics=tuple(
        f'backbone.encoder.input_norm.{name}'
        for name in ('weight', 'bias', 'running_mean', 'running_var')
    ),
    note=(
        'Choose the config of the code base that wrote the file: see the table of variants in '
        'docs/networks.md.'
    ),
)
