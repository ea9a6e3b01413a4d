# Max and Oracle IoU of one click per segment of COCO-2017 panoptic val, of Semantic-SAM itself
# (its README: 55.1 and 74.1 for this one). FILE is a converted release:
#   mim test mmsegmentation configs/distill/one_click_semantic_sam_swinl_coco.py --checkpoint FILE
# For Swin-T (54.5 and 73.8): --cfg-options model.semantic_sam.backbone.embed_dims=96 and so on, or
# `semantic_sam.backbone` of your own config. A student is tested by its own config.
_base_ = ['../_base_/distillation.py', '../_base_/models/semantic_sam_swinl.py']

model = dict(type='mmirstd.PromptedSemanticSAM', semantic_sam=_base_.semantic_sam)

test_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    # Shortest edge 800, longest at most 1333; clicks with the first row of the prompt embedding.
    dataset=dict(
        type='mmirstd.COCOPanopticClicks',
        data_root='data/coco',
        short_edge=800,
        long_edge=1333,
        point_kind=0))
test_cfg = dict(type='TestLoop')

# Only tested: no training part.
val_cfg = None
val_evaluator = None
optim_wrapper = None
param_scheduler = None
