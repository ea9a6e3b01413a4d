# The loss of the joint trainings, for every output of a model.
joint_loss = [
    dict(type='mmirstd.SoftIoULoss'),  # pooled over the batch
    # Keeps the gradient alive on batches without targets, where SoftIoU has none.
    dict(
        type='CrossEntropyLoss',
        use_sigmoid=True,
        avg_non_ignore=True,
        loss_weight=10.0,
        loss_name='loss_bce'),
]
