# MDFA (MDvsFA, NUST-SIRST): 9978 + 100 images. Training images are 128 x 128; the released code
# only flips them. Test images are 101-442 x 96-327 pixels with 140 targets; 136 are left at 128 x 128.
# The splits of DNANet: 10000 / 100; 22 of the 10000 are damaged in every copy. A tenth of the
# training split is set aside to select checkpoints (see mmirstd/datasets/splits). To train on the
# whole split as the paper does, set train_dataloader.dataset.split to
# 'mdfa/dnanet_10000_100_train_9978' and report the last (or EMA) weights.
# data_root: the authors' archive or a repack (see mmirstd/datasets/layouts/declared.py).
_base_ = './_irstd_128.py'

data_root = '{{$MMIRSTD_DATA:data}}/MDFA'
train_dataloader = dict(
    batch_size=32,  # released code; the paper does not say
    dataset=dict(data_root=data_root, split='mdfa/dnanet_10000_100_train_fit'))
val_dataloader = dict(dataset=dict(data_root=data_root, split='mdfa/dnanet_10000_100_train_val'))
test_dataloader = dict(dataset=dict(data_root=data_root, split='mdfa/dnanet_10000_100_test'))

# For configs that follow BasicIRSTD, which has no statistics of MDFA: those of NUDT-SIRST.
gray_mean = 107.8091
gray_std = 33.0227
