# Training of RPCANet and RPCANet++ by their authors, who train twice as long on SIRST.
_base_ = './agpcnet.py'

optim_wrapper = dict(optimizer=dict(_delete_=True, type='Adam', lr=1e-4))
train_cfg = dict(max_epochs=400)
