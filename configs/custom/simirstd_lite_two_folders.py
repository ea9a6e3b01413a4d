# Your own images: one folder with images and one with masks, with any names.
#
#   mmirstd check data/own --image-dir images --mask-dir masks
#   mmirstd split data/own --out data/own/lists
#   mim train mmsegmentation configs/custom/simirstd_lite_two_folders.py --work-dir work_dirs/own
#
# Replace the names below by yours. For another model, use its file of _base_/models.
_base_ = [
    '../_base_/models/simirstd_lite.py',
    '../_base_/datasets/folder.py',
    '../_base_/schedules/adamw_150e.py',
    '../_base_/default_runtime.py',
]

data_root = 'data/own'
folders = dict(data_root=data_root, image_dir='images', mask_dir='masks')
# What names end in where masks and images differ: 'frame_7_mask.png' for 'frame_7.png'.
suffixes = dict(image_suffix='', mask_suffix='')

model = dict(data_preprocessor=_base_.data_preprocessor)
train_dataloader = dict(dataset=dict(**folders, **suffixes, split=f'{data_root}/lists/train.txt'))
val_dataloader = dict(dataset=dict(**folders, **suffixes, split=f'{data_root}/lists/val.txt'))
test_dataloader = dict(dataset=dict(**folders, **suffixes, split=f'{data_root}/lists/test.txt'))
