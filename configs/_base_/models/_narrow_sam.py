# Parts of the SAM family, small enough for two CPU cores.
width = 32
narrow_vit = dict(
    img_size=256, out_channels=width, pretrain_size=256, embed_dims=48, depth=4, num_heads=4)
narrow_head = dict(in_channels=width, decoder=dict(num_heads=4, mlp_dims=128))
