# The query encoder of step 4 of the roadmap, which contains the image encoder as its backbone.
query_encoder = dict(
    type='mmirstd.QueryEncoder',
    embed_dims=256,
    num_queries=4,
    dense_dims=8,
    early_decoding=False)
