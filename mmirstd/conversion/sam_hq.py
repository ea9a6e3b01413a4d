"""Keys of SAM-HQ (SysCV/sam-hq), ViT-B, L, H and its TinyViT."""

from mmirstd.conversion.common import Family
from mmirstd.conversion.mobile_sam import TINY_VIT_RULES, UNUSED_HEAD
from mmirstd.conversion.sam import DECODER_RULES, ENCODER_RULES

SAM_HQ = Family(
    name='sam-hq',
    config='sam_hq/sam_hq_vit_b_sirst.py',
    rules=(*TINY_VIT_RULES, *ENCODER_RULES, *DECODER_RULES),
    unused=UNUSED_HEAD,
    note=(
        'For the other sizes name their config: sam_hq/sam_hq_vit_l_sirst.py, '
        'sam_hq/sam_hq_vit_h_sirst.py, sam_hq/sam_hq_vit_tiny_sirst.py.'
    ),
)
