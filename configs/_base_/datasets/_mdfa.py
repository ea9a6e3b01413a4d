# MDFA (MDvsFA, NUST-SIRST): 9978 + 100 images. Training images are 128 x 128; the released code
# only flips them. Test images are 101-442 x 96-327 pixels with 140 targets; 136 are left at 128 x 128.
# The splits of DNANet: 10000 / 100; 22 of the 10000 are damaged in every copy. A tenth of the
# training split is set aside to select checkpoints (see mmirstd/datasets/splits). To train on the
# whole split as the paper does, set train_dataloader.dataset.split to
# 'mdfa/dnanet_10000_100_train_9978' and report the last (or EMA) weights.
# data_root: the authors' archive or a repack (see mmirstd/datasets/layouts/declared.py).
data_root = '{{$MMIRSTD_DATA:data}}/MDFA'
loaders = [
    dict(dataset=dict(data_root=data_root, split=f'mdfa/dnanet_10000_100_{part}'))
    for part in ('train_fit', 'train_val', 'test')
]

# For configs that follow BasicIRSTD, which has no statistics of MDFA: those of NUDT-SIRST.
gray_mean = 107.8091
gray_std = 33.0227
