# For models without weights: there is nothing to train. Set train_dataloader to None with it.
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
