"""Keys of EfficientSAM (yformer/EfficientSAM), ViT-Ti and S."""

from mmirstd.conversion.common import Family, Rule, StateDict
from mmirstd.conversion.sam import DECODER_RULES

_POSITION = 'image_encoder.pos_embed'
_TRANSFORMER_MLP = r'mask_decoder\.(transformer\.layers\.\d\.mlp)'
_SMALL_MLP = r'mask_decoder\.(output_hypernetworks_mlps\.\d|iou_prediction_head)'
_UPSCALING = r'mask_decoder\.final_output_upscaling_layers'


def _without_class_token(state: StateDict) -> StateDict:
    """Position embeddings (1, 1 + h * w, C) -> (1, h, w, C); the class token is never used."""
    position = state.get(_POSITION)
    if position is None or position.dim() != 3:
        return state
    patches = position[:, 1:]
    side = int(patches.shape[1] ** 0.5)
    if side * side == patches.shape[1]:  # otherwise the comparison of shapes complains
        state[_POSITION] = patches.unflatten(1, (side, side))
    return state


EFFICIENT_SAM = Family(
    name='efficient-sam',
    config='efficient_sam/efficient_sam_vitt_sirst.py',
    prepare=_without_class_token,
    rules=(
        Rule(r'image_encoder\.(.+)', r'backbone.\1'),
        Rule(rf'{_TRANSFORMER_MLP}\.layers\.0\.0\.(\w+)', r'decode_head.mask_decoder.\1.lin1.\2'),
        Rule(rf'{_TRANSFORMER_MLP}\.fc\.(\w+)', r'decode_head.mask_decoder.\1.lin2.\2'),
        Rule(
            rf'{_SMALL_MLP}\.layers\.([01])\.0\.(\w+)', r'decode_head.mask_decoder.\1.layers.\2.\3'
        ),
        Rule(rf'{_SMALL_MLP}\.fc\.(\w+)', r'decode_head.mask_decoder.\1.layers.2.\2'),
        Rule(rf'{_UPSCALING}\.0\.([01]\.\w+)', r'decode_head.mask_decoder.output_upscaling.\1'),
        Rule(rf'{_UPSCALING}\.1\.0\.(\w+)', r'decode_head.mask_decoder.output_upscaling.3.\1'),
        *DECODER_RULES,
    ),
    note='For EfficientSAM-S name its config: efficient_sam/efficient_sam_vits_sirst.py.',
)
