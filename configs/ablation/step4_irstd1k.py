# Roadmap step 4 on IRSTD-1k: + query design in the image encoder.
_base_ = ['./step3_irstd1k.py', '../_base_/models/_query_encoder.py']

model = dict(
    backbone=dict(_base_.query_encoder, _delete_=True, backbone=_base_.model.backbone),
    neck=dict(num_encoder_queries=4))
