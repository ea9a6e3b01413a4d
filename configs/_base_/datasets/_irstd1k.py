# IRSTD-1k: 1001 images of 512 x 512 pixels.
# The authors' splits: 800 / 201 images; the test split has 297 targets. The paper drops 6 test images
# without naming them (284 targets remain); leave images out with exclude=[...]. A tenth of the
# training split is set aside to select checkpoints (see mmirstd/datasets/splits). To train on the
# whole split as the paper does, set train_dataloader.dataset.split to 'irstd1k/basicirstd_train'
# and report the last (or EMA) weights.
# data_root: the authors' folder or a repack (see mmirstd/datasets/layouts/declared.py).
data_root = '{{$MMIRSTD_DATA:data}}/IRSTD-1k'
loaders = [
    dict(dataset=dict(data_root=data_root, split=f'irstd1k/basicirstd_{part}'))
    for part in ('train_fit', 'train_val', 'test')
]

# Mean and standard deviation of the gray images over training and test images, as BasicIRSTD
# publishes them: for configs that follow it.
gray_mean = 87.4662
gray_std = 39.7195
