# NUDT-SIRST: 1327 synthetic images of 256 x 256 pixels.
# The splits of DNANet: 663 / 664 images; the test split has 945 targets. A tenth of the training
# split is set aside to select checkpoints (see mmirstd/datasets/splits). To train on the whole
# split as the paper does, set train_dataloader.dataset.split to 'nudt/dnanet_50_50_train' and
# report the last (or EMA) weights.
# data_root: the published folder or a repack (see mmirstd/datasets/layouts/declared.py).
data_root = '{{$MMIRSTD_DATA:data}}/NUDT-SIRST'
loaders = [
    dict(dataset=dict(data_root=data_root, split=f'nudt/dnanet_50_50_{part}'))
    for part in ('train_fit', 'train_val', 'test')
]

# Mean and standard deviation of the gray images over training and test images, as BasicIRSTD
# publishes them: for configs that follow it.
gray_mean = 107.8091
gray_std = 33.0227
