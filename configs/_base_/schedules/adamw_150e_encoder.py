# The paper's fine-tuning schedule for a model whose encoder is pre-trained on a large set: the
# encoder has a tenth of the learning rate. The paper does not say how it fine-tuned the
# generalists; a smaller rate for the encoder is common practice. Without it, use adamw_150e.py.
_base_ = './adamw_150e.py'

optim_wrapper = dict(
    paramwise_cfg=dict(
        custom_keys={
            'backbone': dict(lr_mult=0.1),
            # Positions are bare parameters, which no rule by type of layer finds.
            'pos_embed': dict(lr_mult=0.1, decay_mult=0.0),
            'attn.rel_pos': dict(lr_mult=0.1, decay_mult=0.0),
            'attention_biases': dict(lr_mult=0.1, decay_mult=0.0),
            'relative_position_bias_table': dict(lr_mult=0.1, decay_mult=0.0),
        }))
