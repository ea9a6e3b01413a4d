# Procedural infrared scenes in data/synthetic/{train,val,test}/{images,masks}.
# Written by tools/make_synthetic.py, which draws them at 128 x 128.
_base_ = './_irstd_128.py'

data_root = 'data/synthetic'
train_dataloader = val_dataloader = test_dataloader = dict(dataset=dict(data_root=data_root))
