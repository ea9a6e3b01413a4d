"""Keys of MobileSAM (ChaoningZhang/MobileSAM)."""

import re

from mmirstd.conversion.common import Family, Rule, Unused
from mmirstd.conversion.sam import DECODER_RULES


def _layer(match: re.Match[str]) -> str:
    """Move a patch merging from the end of a layer to the start of the next stage, as in timm."""
    index, rest = int(match[1]), match[2]
    stage = index + 1 if rest.startswith('downsample.') else index
    return f'backbone.stages.{stage}.' + re.sub(r'\.c\.(?=\w+$)', '.conv.', rest)


TINY_VIT_RULES = (
    Rule(
        r'image_encoder\.patch_embed\.seq\.([02])\.c\.(\w+)',
        r'backbone.patch_embed.conv<\1//2+1>.conv.\2',
    ),
    Rule(
        r'image_encoder\.patch_embed\.seq\.([02])\.bn\.(\w+)',
        r'backbone.patch_embed.conv<\1//2+1>.bn.\2',
    ),
    Rule(r'image_encoder\.layers\.(\d)\.(.+)', _layer),
    Rule(r'image_encoder\.(neck\..+)', r'backbone.\1'),
)
"""timm's names of TinyViT; all rules but the last apply only to TinyViT."""

UNUSED_HEAD = (
    Unused(r'image_encoder\.(norm_head|head)\.\w+', 'the classifier of the pre-training'),
)

MOBILE_SAM = Family(
    name='mobile-sam',
    config='mobile_sam/mobile_sam_sirst.py',
    rules=(*TINY_VIT_RULES, *DECODER_RULES),
    unused=UNUSED_HEAD,
)
