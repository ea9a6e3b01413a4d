"""The models whose published checkpoints can be converted."""

from mmirstd.conversion.acm import ACM
from mmirstd.conversion.agpcnet import AGPCNET
from mmirstd.conversion.alcnet import ALCNET
from mmirstd.conversion.common import Family
from mmirstd.conversion.dnanet import DNANET
from mmirstd.conversion.efficient_sam import EFFICIENT_SAM
from mmirstd.conversion.fc3net import FC3NET
from mmirstd.conversion.hdnet import HDNET
from mmirstd.conversion.isnet import ISNET
from mmirstd.conversion.istdunet import ISTDUNET
from mmirstd.conversion.mobile_sam import MOBILE_SAM
from mmirstd.conversion.mshnet import MSHNET
from mmirstd.conversion.rdian import RDIAN
from mmirstd.conversion.resunet import RESUNET
from mmirstd.conversion.rpcanet import RPCANET, RPCANET_PP
from mmirstd.conversion.sam import SAM
from mmirstd.conversion.sam_hq import SAM_HQ
from mmirstd.conversion.sctransnet import SCTRANSNET
from mmirstd.conversion.semantic_sam import SEMANTIC_SAM
from mmirstd.conversion.simir import SIMIR, SIMIR_BACKBONE
from mmirstd.conversion.uiunet import UIUNET
from mmirstd.conversion.unet import UNET

FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        ACM, AGPCNET, ALCNET, DNANET, EFFICIENT_SAM, FC3NET, HDNET, ISNET, ISTDUNET, MOBILE_SAM,
        MSHNET, RPCANET, RPCANET_PP, RDIAN, RESUNET, SAM, SAM_HQ, SCTRANSNET, SEMANTIC_SAM, SIMIR,
        SIMIR_BACKBONE, UIUNET, UNET,
    )
}  # fmt: skip
"""Name on the command line -> rules."""
