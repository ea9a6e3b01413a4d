# Your own images in {train,val,test}/{images,masks}, with the same names for masks and images. For
# two folders with any names, see configs/custom/.
_base_ = './_irstd.py'

data_root = 'data/own'
train_dataloader = val_dataloader = test_dataloader = dict(dataset=dict(data_root=data_root))
