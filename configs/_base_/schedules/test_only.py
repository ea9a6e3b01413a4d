# For models without weights, which cannot be trained. Also set train_dataloader to None.
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
