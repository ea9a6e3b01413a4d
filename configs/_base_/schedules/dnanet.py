# Training of DNANet by its authors.
_base_ = './acm.py'

batch_size = 16
max_epochs = 1500

optim_wrapper = dict(optimizer=dict(_delete_=True, type='Adagrad', lr=0.05))
# Constant: the original steps its cosine schedule once in total.
param_scheduler = [dict(_base_.param_scheduler[0], end=max_epochs)]
train_cfg = dict(max_epochs=max_epochs)
