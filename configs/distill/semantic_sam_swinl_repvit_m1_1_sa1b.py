# Distillation of Semantic-SAM (Swin-L) into RepViT-M1.1 on 1 % of SA-1B with the paper's values
# (Sec. 3.2 and 4.1). Eight GPUs, 2 images each. Where the paper is silent, Semantic-SAM's values
# are used. For another teacher file: --cfg-options train_cfg.teacher.checkpoint=PATH
_base_ = ['../_base_/distillation.py', '../_base_/models/semantic_sam_swinl.py']

size = 1024  # Semantic-SAM's training size; the paper gives none
data_root = 'data/sa1b'

teacher = dict(semantic_sam=_base_.semantic_sam, checkpoint=_base_.semantic_sam_checkpoint)

model = dict(
    type='mmirstd.DistillationStudent',
    # Trains from ImageNet weights (network needed once); None starts from random ones.
    backbone=dict(type='mmirstd.RepViT', arch='repvit_m1_1', weights='imagenet'),
    neck=dict(
        type='mmirstd.AlignNeck',
        in_channels=(64, 128, 256, 512),
        out_channels=(192, 384, 768, 1536)),
    loss=dict(
        type='mmirstd.DistillationLoss',
        weight=5.0,  # lambda of Eq. 1
        # Open in the paper; docs/explanation/distillation.md lists the readings.
        bce_target='hard',
        dice_target='hard',
        kl_group='prompt',
        kl_temperature=1.0,
        cd_temperature=4.0,
        num_points=12544),
    match_on='teacher')

train_cfg = dict(
    type='mmirstd.DistillEpochLoop',
    max_epochs=_base_.max_epochs,
    val_interval=1,
    teacher=teacher)
test_cfg = dict(type='mmirstd.DistillTestLoop', teacher=teacher)

train_dataloader = dict(
    batch_size=2,
    num_workers=8,
    persistent_workers=True,
    pin_memory=True,
    sampler=dict(type='mmirstd.ResumableSampler'),
    dataset=dict(
        type='mmirstd.SA1BDataset',
        data_root=data_root,
        shards='20-29',  # 1 %, EdgeSAM's; the paper does not name its part
        size=size,
        num_prompts=60,
        max_levels=6,
        mask_stride=4))
val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='mmirstd.COCOPanopticClicks', data_root='data/coco', indices=500))
test_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='mmirstd.COCOPanopticClicks', data_root='data/coco'))

sync_bn = 'torch'  # 2 images per GPU are few for BatchNorm
