# HDNet with three input channels. Its losses are not published; those of MSHNet, from which its
# code is derived, are used. See docs/reference/models.md.
_base_ = './mshnet.py'

model = dict(
    backbone=dict(type='mmirstd.HDNet'),
    decode_head=dict(
        type='mmirstd.FrequencyGatedHead',
        # Before the decoder's maps the backbone returns its detail map.
        in_index=[4, 3, 2, 1],
        detail_index=0,
        energy_ratios=[0.1, 0.2, 0.4, 0.8]))
