# The full SimIRSTD model (step 7 of the roadmap). Section numbers refer to the paper; where it is
# silent or differs, the value is that of the authors' release, which produced the published
# weights.
_base_ = './simirstd_baseline.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='mmirstd.QueryEncoder',
        backbone={{_base_.model.backbone}},
        embed_dims=256,
        num_queries=4,  # n of Q_encoder, Sec. 4.1
        dense_dims=8,  # m of Q_dense; the paper leaves it open
        early_decoding=True),
    neck=dict(
        num_queries=4,  # n of Q_FPN, Sec. 4.1
        num_encoder_queries=4,
        dropout=0.5,  # release; the paper is silent
        early_decoding=True),
    decode_head=dict(
        num_prompt_queries=8,  # Q_FPN and Q_encoder; Q_decoder is a single one (Sec. 4.1)
        dense_prompt=True))
