# SIRST (NUAA-SIRST): 427 images of 135-456 x 96-388 pixels.
# The authors' splits idx_427: 256 / 85 / 86 images; the test split has 109 targets. 'sirst/sirst85'
# is the paper's test set: without Misc_111, 85 images and 108 targets.
# data_root: the authors' folder or a repack (see mmirstd/datasets/layouts/declared.py).
data_root = '{{$MMIRSTD_DATA:data}}/SIRST'
loaders = [
    dict(dataset=dict(data_root=data_root, split=f'sirst/idx_427_{part}'))
    for part in ('train', 'val', 'test')
]

# Mean and standard deviation of the gray images over training and test images, as BasicIRSTD
# publishes them: for configs that follow it.
gray_mean = 101.0639
gray_std = 34.6196
