# BasicIRSTD's loss for every output of a model, each compared with the mask at full size.
pooled_soft_iou = dict(type='mmirstd.SoftIoULoss', smooth=1.0, per_image=False, _delete_=True)
