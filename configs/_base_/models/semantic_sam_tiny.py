# A narrow and shallow Semantic-SAM with all its parts and 1.3 M parameters, for CPUs.
semantic_sam = dict(
    type='mmirstd.SemanticSAM',
    backbone=dict(
        type='SwinTransformer',
        embed_dims=24,
        depths=(1, 1, 2, 1),
        num_heads=(1, 2, 3, 6),
        window_size=4,
        pretrain_img_size=96,
        drop_path_rate=0.0,
        out_indices=(0, 1, 2, 3)),
    pixel_decoder=dict(embed_dims=64, num_layers=2, num_heads=4, ffn_dims=128, norm_groups=8),
    mask_decoder=dict(num_layers=3, num_heads=4, ffn_dims=128))
semantic_sam_checkpoint = 'work_dirs/tiny_teacher_synthetic/epoch_20.pth'
