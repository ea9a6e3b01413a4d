# RPCANet's pipeline by its authors: one channel, divided by 255 and nothing else.
_base_ = './_square.py'

gray_preprocessor = dict(
    type='SegDataPreProcessor',
    size=_base_.crop_size,
    pad_val=0,
    seg_pad_val=255,
    mean=[0],
    std=[255])
