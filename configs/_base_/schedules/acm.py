# Training of ACM by its authors (open-acm). FC3-Net, whose training was not published, follows it.
_base_ = './_loops.py'

batch_size = 8
max_epochs = 300

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='Adagrad', lr=0.05, weight_decay=1e-4))
# Constant: the poly schedule of the original is built but not given to AdaGrad.
param_scheduler = [dict(type='ConstantLR', factor=1.0, begin=0, end=max_epochs, by_epoch=True)]
train_cfg = dict(max_epochs=max_epochs)
