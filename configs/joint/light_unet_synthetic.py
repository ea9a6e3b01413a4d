# The plain residual U-Net on procedural scenes only, so its weights do not depend on the licences
# of public data. It is scored on the public test splits, without training on any real image.
#   mmirstd make-scenes data/scenes --train 3000 --val 200 --test 300 --seed 11
_base_ = './light_unet_sirst3.py'

scenes = 'data/scenes'
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='mmirstd.IRSTDDataset',
        data_root=scenes,
        split='train',
        pipeline=_base_.train_pipeline))
val_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='mmirstd.IRSTDDataset',
        data_root=scenes,
        split='val',
        test_mode=True,
        pipeline=_base_.test_pipeline))
val_evaluator = dict(_delete_=True, type='mmirstd.IRSTDMetric', matching='legacy')
default_hooks = dict(checkpoint=dict(save_best='irstd/IoU'))

# Short: scenes are easier than the world, and fitting them better does not help there.
max_epochs = 8
warm_up, decay = _base_.param_scheduler
param_scheduler = [warm_up, dict(decay, begin=4, end=max_epochs)]
train_cfg = dict(max_epochs=max_epochs, val_interval=2)
