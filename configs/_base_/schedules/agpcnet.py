# Training of AGPCNet by its authors. They train for 5 epochs on the 8,525 images of SIRST-Aug,
# which are augmented before training; 70 epochs on NUDT-SIRST are the same number of steps.
_base_ = './_loops.py'

batch_size = 8

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.05, momentum=0.9, weight_decay=1e-4))
param_scheduler = [
    dict(type='PolyLR', power=0.9, eta_min=0, by_epoch=True, convert_to_iter_based=True)
]
train_cfg = dict(max_epochs=70)
