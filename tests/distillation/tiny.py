"""A teacher, a student and a config that take seconds."""

from pathlib import Path

import torch
from mmengine.registry import init_default_scope

from mmirstd.datasets.synthetic.nested_shapes import write_nested_shapes
from mmirstd.io.outputs.folder import OutputFolder
from mmirstd.registry import MODELS

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
SIZE, PROMPTS = 32, 3

SEMANTIC_SAM = {
    'type': 'mmirstd.SemanticSAM',
    'backbone': {
        'type': 'SwinTransformer',
        'embed_dims': 8,
        'depths': (1, 1, 1, 1),
        'num_heads': (1, 1, 2, 2),
        'window_size': 4,
        'pretrain_img_size': SIZE,
        'drop_path_rate': 0.0,
    },
    'pixel_decoder': {
        'embed_dims': 16, 'num_layers': 1, 'num_heads': 2, 'ffn_dims': 16, 'norm_groups': 4,
    },
    'mask_decoder': {'num_layers': 2, 'num_heads': 2, 'ffn_dims': 16},
}  # fmt: skip
STUDENT = {
    'type': 'mmirstd.DistillationStudent',
    'backbone': {'type': 'mmirstd.RepViT', 'embed_dims': (8, 8, 16, 16), 'depths': (1, 1, 1, 1)},
    'neck': {
        'type': 'mmirstd.AlignNeck',
        'in_channels': (8, 8, 16, 16),
        'out_channels': (8, 16, 32, 64),
    },
    'loss': {'type': 'mmirstd.DistillationLoss', 'num_points': 64},
    'match_points': 64,
}

CONFIG = """
_base_ = '{configs}/_base_/distillation.py'
custom_imports = dict(imports=['toy_parts'], allow_failed_imports=False)
teacher = dict(semantic_sam={semantic_sam}, checkpoint='{root}/teacher.pth')
model = {student}
dataset = dict(
    type='mmirstd.SA1BDataset', data_root='{root}/shapes', shards='20', size={size},
    num_prompts={prompts}, distinct_epochs=1)
train_dataloader = dict(
    batch_size=2, num_workers=0, sampler=dict(type='mmirstd.ResumableSampler'), dataset=dataset)
val_dataloader = dict(
    batch_size=1, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='mmirstd.SA1BClicks', data_root='{root}/shapes', shards='130', short_edge=None))
test_dataloader = val_dataloader
train_cfg = dict(
    type='mmirstd.DistillEpochLoop', max_epochs=2, val_interval=2, teacher=teacher)
test_cfg = dict(type='mmirstd.DistillTestLoop', teacher=teacher)
param_scheduler = [dict(type='ConstantLR', factor=1.0, by_epoch=False)]
optim_wrapper = dict(optimizer=dict(lr=3e-3), clip_grad=dict(max_norm=1.0))
default_hooks = dict(checkpoint=dict(interval=1, max_keep_ckpts=-1), logger=dict(interval=1))
env_cfg = dict(dist_cfg=dict(backend='gloo'))
"""


def build(config: dict) -> torch.nn.Module:
    init_default_scope('mmseg')
    torch.manual_seed(0)
    return MODELS.build(config)


def write_project(folder: Path, images: int = 6) -> Path:
    """Shapes, the file of a teacher with random weights, and a config; returns the config."""
    with OutputFolder(folder / 'shapes', 'tests') as files:
        write_nested_shapes(files, images, size=(32, 40))
        write_nested_shapes(files, 2, size=(32, 32), seed=1, first_shard=130)
    torch.save({'state_dict': build(SEMANTIC_SAM).state_dict()}, folder / 'teacher.pth')
    config = folder / 'tiny_distillation.py'
    config.write_text(
        CONFIG.format(
            configs=CONFIGS,
            semantic_sam=SEMANTIC_SAM,
            student=STUDENT,
            root=folder,
            size=SIZE,
            prompts=PROMPTS,
        )
    )
    return config
