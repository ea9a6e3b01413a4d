"""Keys of SAM (facebookresearch/segment-anything), ViT-B, L and H."""

from mmirstd.conversion.common import Family, Rule

DECODER_RULES = (Rule(r'((?:prompt_encoder|mask_decoder)\..+)', r'decode_head.\1'),)
"""Our prompt encoders and mask decoders keep SAM's names."""

ENCODER_RULES = (
    Rule(r'image_encoder\.(blocks\.\d+\.mlp)\.lin([12]\.\w+)', r'backbone.\1.fc\2'),
    Rule(r'image_encoder\.((?:patch_embed|pos_embed|blocks|neck)\b.*)', r'backbone.\1'),
)
"""timm's names of the ViT."""

SAM = Family(
    name='sam',
    config='sam/sam_vit_b_sirst.py',
    rules=(*ENCODER_RULES, *DECODER_RULES),
    note='For ViT-L and ViT-H name their config: sam/sam_vit_l_sirst.py, sam/sam_vit_h_sirst.py.',
)
