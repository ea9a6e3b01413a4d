# Semantic-SAM as released for SA-1B, Swin-L: the teacher. No checkpoint is published with this
# package: convert the authors' swinl_only_sam_many2many.pth by
#   mmirstd convert semantic-sam SRC checkpoints/semantic_sam_swinl.pth
semantic_sam = dict(
    type='mmirstd.SemanticSAM',
    backbone=dict(
        type='SwinTransformer',
        embed_dims=192,
        depths=(2, 2, 18, 2),
        num_heads=(6, 12, 24, 48),
        window_size=12,
        pretrain_img_size=384,
        drop_path_rate=0.3,
        out_indices=(0, 1, 2, 3)))
semantic_sam_checkpoint = 'checkpoints/semantic_sam_swinl.pth'
