# SimIRSTD lite, our own design: the whole query design at a fraction of the cost. Not in the paper.
#
# What it keeps: decoding at full resolution (stem stride 1), sparse queries in encoder, FPN and
# decoder, dense queries, three supervised masks, prompts. What it narrows: RepViT to half the
# width, pyramid, queries and decoder from 256 to 64, feed-forward networks from 2048 to 256
# (dense: 64), and heads from 8 to 4, since folded attention costs queries x heads per token.
_base_ = './simirstd.py'

width = 64
model = dict(
    backbone=dict(
        backbone=dict(embed_dims=(24, 48, 96, 192), depths=(2, 2, 6, 2)),
        embed_dims=width,
        num_heads=4,
        ffn_dims=256),
    neck=dict(
        in_channels=[24, 48, 96, 192],
        out_channels=width,
        num_heads=4,
        ffn_dims=256,
        norm_groups=16,
        dropout=0.1),
    decode_head=dict(in_channels=width, num_heads=4, mlp_dims=256, upscale_dims=(32, 16)))
