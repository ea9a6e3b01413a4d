# Images resized to 256 x 256 without augmentation, as in the training of AGPCNet's authors. The
# files without an underscore join a pipeline with a dataset.
_base_ = '../datasets/_irstd.py'

to_input_size = dict(type='mmirstd.ResizeToSquare', size=_base_.input_size)
train_pipeline = [_base_.load_image, _base_.load_mask_step, to_input_size, _base_.pack_step]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
