# Your own images: one folder with images and one with masks, with any names. Training starts from
# the weights that ship with the package, so a few dozen images and a few epochs are enough.
#
#   mmirstd check data/own
#   mmirstd split data/own --out data/own/lists
#   mmirstd train light_unet_two_folders --work-dir work_dirs/own
#
# Replace the names below by yours. Images may have any size and bit depth; training uses crops.
_base_ = '../joint/light_unet_sirst3.py'

data_root = 'data/own'
folders = dict(
    _delete_=True,
    type='mmirstd.IRSTDDataset',
    data_root=data_root,
    image_dir='images',
    mask_dir='masks',
    # What names end in where masks and images differ: 'frame_7_mask.png' for 'frame_7.png'.
    image_suffix='',
    mask_suffix='')

train_dataloader = dict(
    batch_size=8,
    dataset=dict(
        **folders, split=f'{data_root}/lists/train.txt', pipeline=_base_.train_pipeline))
val_dataloader = dict(
    dataset=dict(
        **folders,
        split=f'{data_root}/lists/val.txt',
        test_mode=True,
        pipeline=_base_.test_pipeline))
test_dataloader = dict(
    dataset=dict(
        **folders,
        split=f'{data_root}/lists/test.txt',
        test_mode=True,
        pipeline=_base_.test_pipeline))
val_evaluator = dict(_delete_=True, type='mmirstd.IRSTDMetric')
test_evaluator = dict(_delete_=True, type='mmirstd.IRSTDMetric')

# None trains from random weights; then give it ten times the epochs and the rate of the base.
load_from = str(
    __import__('mmirstd.weights', fromlist=['weights']).get_model_info('tiny').weights_file())

optim_wrapper = dict(optimizer=dict(lr=1e-3))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=10),
    dict(type='CosineAnnealingLR', eta_min=1e-5, by_epoch=True, convert_to_iter_based=True)
]
train_cfg = dict(max_epochs=20, val_interval=1)
default_hooks = dict(checkpoint=dict(save_best='irstd/IoU'))
custom_hooks = [
    dict(
        type='EMAHook',
        ema_type='MomentumAnnealingEMA',
        momentum=0.02,  # an average over the last 50 steps
        gamma=10,
        update_buffers=True,
        priority='ABOVE_NORMAL')
]
