"""Keys of ACM in its four code bases.

open-acm uses MXNet: its checkpoint has to be exported once, on a machine with MXNet, to a
PyTorch file of tensors under the structural names (``stem.1.weight``, with gamma as ``weight``
and beta as ``bias``). These names are converted here.
"""

from mmirstd.conversion.common import Family, Unused
from mmirstd.conversion.residual_unet import (
    INPUT_STATISTICS,
    asymmetric_fusion_rules,
    fcn_head_rules,
    residual_encoder_rules,
    residual_unet_decoder_rules,
)

ACM = Family(
    name='acm',
    config='acm/acm_nudt.py',
    rules=(
        *residual_encoder_rules(),
        *residual_unet_decoder_rules(),
        *asymmetric_fusion_rules('fuse2', 'backbone.decoder.fusions.0'),
        *asymmetric_fusion_rules('fuse1', 'backbone.decoder.fusions.1'),
        *asymmetric_fusion_rules('fuse23', 'backbone.fusions.0'),
        *asymmetric_fusion_rules('fuse12', 'backbone.fusions.1'),
        *fcn_head_rules(),
    ),
    unused=(
        Unused(r'stem\.0\.(weight|bias)', 'constant scale and shift of the input BN in open-acm'),
    ),
    first_convolutions=('backbone.encoder.stem.0.0.weight',),
    image_statistics=INPUT_STATISTICS,
    note=(
        'Choose the config of the code base that wrote the file: see the table of variants in '
        'docs/reference/models.md.'
    ),
)
