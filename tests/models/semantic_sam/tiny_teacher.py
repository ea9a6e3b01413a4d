"""A Semantic-SAM of a few thousand parameters."""

import torch

from mmirstd.models.semantic_sam import SemanticSAM

BACKBONE = {
    'type': 'mmseg.SwinTransformer',
    'embed_dims': 8,
    'depths': (1, 1, 1, 1),
    'num_heads': (1, 2, 2, 2),
    'window_size': 4,
}
WIDTH = 16
SIZES = {'num_heads': 2, 'ffn_dims': 24, 'num_points': 2}


def tiny_teacher(seed: int = 0, **decoder) -> SemanticSAM:
    torch.manual_seed(seed)
    teacher = SemanticSAM(
        BACKBONE,
        {'embed_dims': WIDTH, 'num_layers': 2, 'norm_groups': 4, **SIZES},
        {'num_layers': 3, **SIZES, **decoder},
    )
    # The initial box head is zero; a trained one moves boxes.
    torch.nn.init.normal_(teacher.mask_decoder.bbox_embed.layers[-1].weight, std=0.3)
    return teacher


def prompts(batch: int = 1, number: int = 3):
    """Boxes (B, N, 4) and kinds (B, N)."""
    generator = torch.Generator().manual_seed(1)
    centres = torch.rand(batch, number, 2, generator=generator)
    sizes = 0.05 + 0.2 * torch.rand(batch, number, 2, generator=generator)
    return torch.cat([centres, sizes], dim=-1), torch.zeros(batch, number, dtype=torch.long)
