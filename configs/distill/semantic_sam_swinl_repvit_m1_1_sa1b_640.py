# The same distillation with less memory, for one GPU: 640 px, 32 prompts, one image at a time,
# gradients accumulated over 16 images, random draws that repeat every epoch so that a cache can
# replace the teacher:
#   --cfg-options train_cfg.teacher.cache=cache/sa1b_640
# docs/explanation/distillation.md states how much disk space that takes. Not the paper's setting.
_base_ = './semantic_sam_swinl_repvit_m1_1_sa1b.py'

model = dict(norm_eval=True)  # statistics of one image are none
optim_wrapper = dict(accumulative_counts=16)
default_hooks = dict(checkpoint=dict(interval=1600))  # a multiple of accumulative_counts
train_dataloader = dict(
    batch_size=1, dataset=dict(size=640, num_prompts=32, distinct_epochs=1))
sync_bn = None
