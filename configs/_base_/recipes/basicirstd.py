# Training of BasicIRSTD, the code base that several models share: one channel, patches of 256 at the
# native scale, half of them around a target, Adam 5e-4, a tenth after epochs 200 and 300 of 400.
_base_ = './sctransnet.py'

max_epochs = 400

load_mask = dict(type='mmirstd.LoadMask')
# A patch around a target always contains it here; the original misses some by one pixel.
# A config fills in image_pad, the mean of the dataset: the original pads with zeros after
# normalisation.
patch = dict(type='mmirstd.RandomTargetCrop', size=256, target_prob=0.5)
symmetry = dict(type='mmirstd.RandomSymmetry', prob=0.5)
pack = dict(type='PackSegInputs')

optim_wrapper = dict(optimizer=dict(lr=5e-4))
param_scheduler = [
    dict(
        type='MultiStepLR',
        milestones=[200, 300],
        gamma=0.1,
        begin=0,
        end=max_epochs,
        by_epoch=True)
]
train_cfg = dict(max_epochs=max_epochs)
