# Your own images in {train,val,test}/{images,masks}, mask and image of the same name.
# For two folders of any name see configs/custom/.
_base_ = './_irstd.py'

data_root = 'data/own'
train_dataloader = val_dataloader = test_dataloader = dict(dataset=dict(data_root=data_root))
