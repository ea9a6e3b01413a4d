# SimIRSTD lite, our own design: the complete query design at a fraction of the cost. Not in the
# paper.
#
# What it keeps: decoding at full resolution (stem stride 1), sparse queries in encoder, FPN and
# decoder, dense queries, three supervised masks, prompts. What it narrows: RepViT to about a third
# of the width, pyramid, queries and decoder from 256 to 32, feed-forward networks from 2048 to 192
# (dense: 32), and heads from 8 to 2, since folded attention costs queries x heads per token; the
# deformable attention gets 2 heads and 2 points, since it samples heads x levels x points per token.
_base_ = './simirstd.py'

width = 32
model = dict(
    backbone=dict(
        backbone=dict(embed_dims=(24, 48, 96, 192), depths=(2, 2, 6, 2)),
        embed_dims=width,
        num_heads=2,
        ffn_dims=192,
        dense_heads=2,
        dense_ffn_dims=32,
        dense_points=2),
    neck=dict(
        in_channels=[24, 48, 96, 192],
        out_channels=width,
        num_heads=2,
        ffn_dims=192,
        norm_groups=8,
        dropout=0.1),
    decode_head=dict(in_channels=width, num_heads=2, mlp_dims=192, upscale_dims=(24, 16)))
