# Roadmap step 4 on MDFA: + query design in the image encoder.
_base_ = './step3_mdfa.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='mmirstd.QueryEncoder',
        backbone={{_base_.model.backbone}},
        embed_dims=256,
        num_queries=4,
        dense_dims=8,
        early_decoding=False),
    neck=dict(num_encoder_queries=4))
