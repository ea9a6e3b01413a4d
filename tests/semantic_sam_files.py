"""State dicts under the names of Semantic-SAM's released files."""

import torch

LARGE = {'channels': 192, 'depths': (2, 2, 18, 2), 'heads': (6, 12, 24, 48), 'window': 12}
TINY = {'channels': 96, 'depths': (2, 2, 6, 2), 'heads': (3, 6, 12, 24), 'window': 7}
SMALL = {
    'channels': 16,
    'depths': (1, 1, 2, 1),
    'heads': (1, 2, 4, 4),
    'window': 7,
    'width': 32,
    'ffn': 128,
    'encoder_layers': 2,
    'decoder_layers': 3,
    'attention_heads': 4,
}
"""Of configs/semantic_sam/semantic_sam_cpu_synthetic.py."""


def official_shapes(
    channels,
    depths,
    heads,
    window,
    width=256,
    ffn=2048,
    encoder_layers=6,
    decoder_layers=9,
    attention_heads=8,
):
    """Name -> shape as the authors' code has them, with the prefix of the released files."""
    shapes = {}

    def layer(name, *shape):
        shapes[f'{name}.weight'] = shape
        shapes[f'{name}.bias'] = shape[:1]

    def mlp(name, *dims):
        for i in range(len(dims) - 1):
            layer(f'{name}.layers.{i}', dims[i + 1], dims[i])

    def deformable(name):
        samples = attention_heads * 4 * 4
        layer(f'{name}.sampling_offsets', 2 * samples, width)
        layer(f'{name}.attention_weights', samples, width)
        layer(f'{name}.value_proj', width, width)
        layer(f'{name}.output_proj', width, width)

    body = 'model.backbone'
    layer(f'{body}.patch_embed.proj', channels, 3, 4, 4)
    layer(f'{body}.patch_embed.norm', channels)
    for i, (depth, number) in enumerate(zip(depths, heads, strict=True)):
        c = channels * 2**i
        for j in range(depth):
            block = f'{body}.layers.{i}.blocks.{j}'
            layer(f'{block}.norm1', c)
            layer(f'{block}.norm2', c)
            shapes[f'{block}.attn.relative_position_bias_table'] = ((2 * window - 1) ** 2, number)
            shapes[f'{block}.attn.relative_position_index'] = (window**2, window**2)
            layer(f'{block}.attn.qkv', 3 * c, c)
            layer(f'{block}.attn.proj', c, c)
            layer(f'{block}.mlp.fc1', 4 * c, c)
            layer(f'{block}.mlp.fc2', c, 4 * c)
        if i < 3:
            shapes[f'{body}.layers.{i}.downsample.reduction.weight'] = (2 * c, 4 * c)
            layer(f'{body}.layers.{i}.downsample.norm', 4 * c)
        layer(f'{body}.norm{i}', c)
    pixel = 'model.sem_seg_head.pixel_decoder'
    for i, (c, kernel) in enumerate([(2, 1), (4, 1), (8, 1), (8, 3)]):
        layer(f'{pixel}.input_proj.{i}.0', width, channels * c, kernel, kernel)
        layer(f'{pixel}.input_proj.{i}.1', width)
    shapes[f'{pixel}.transformer.level_embed'] = (4, width)
    for i in range(encoder_layers):
        name = f'{pixel}.transformer.encoder.layers.{i}'
        deformable(f'{name}.self_attn')
        layer(f'{name}.norm1', width)
        layer(f'{name}.norm2', width)
        layer(f'{name}.linear1', ffn, width)
        layer(f'{name}.linear2', width, ffn)
    layer(f'{pixel}.mask_features', width, width, 1, 1)
    shapes[f'{pixel}.adapter_1.weight'] = (width, channels, 1, 1)
    layer(f'{pixel}.adapter_1.norm', width)
    shapes[f'{pixel}.layer_1.weight'] = (width, width, 3, 3)
    layer(f'{pixel}.layer_1.norm', width)
    predictor = 'model.sem_seg_head.predictor'
    shapes[f'{predictor}.lang_mapper'] = (512, width)
    for name in ('class_embed', 'class_embed_part'):
        shapes[f'{predictor}.{name}'] = (width, 512)
    mlp(f'{predictor}.mask_embed', width, width, width, width)
    for name in ('decoder_norm', 'decoder.norm'):
        layer(f'{predictor}.{name}', width)
    for i in range(decoder_layers):
        name = f'{predictor}.decoder.layers.{i}'
        deformable(f'{name}.cross_attn')
        shapes[f'{name}.self_attn.in_proj_weight'] = (3 * width, width)
        shapes[f'{name}.self_attn.in_proj_bias'] = (3 * width,)
        layer(f'{name}.self_attn.out_proj', width, width)
        for norm in ('norm1', 'norm2', 'norm3'):
            layer(f'{name}.{norm}', width)
        layer(f'{name}.linear1', ffn, width)
        layer(f'{name}.linear2', width, ffn)
        for alias in ('bbox_embed', 'decoder.bbox_embed'):
            mlp(f'{predictor}.{alias}.{i}', width, width, width, 4)
    mlp(f'{predictor}.decoder.ref_point_head', 2 * width, width, width)
    mlp(f'{predictor}._bbox_embed', width, width, width, 4)
    mlp(f'{predictor}.iou_prediction_head', width, width, width, 1)
    for name, rows in (('mask_tokens', 6), ('pb_embedding', 2), ('label_enc', 2)):
        shapes[f'{predictor}.{name}.weight'] = (rows, width)
    return shapes


def official_state(**sizes):
    """Random values, with aliases that hold the value of their parameter."""
    generator = torch.Generator().manual_seed(0)
    state = {
        name: torch.randn(shape, generator=generator)
        for name, shape in official_shapes(**sizes).items()
    }
    for name in state:
        for alias in ('decoder.bbox_embed.', 'predictor.bbox_embed.'):
            if alias in name:
                layer = name.split(alias)[1].split('.', 1)[1]
                state[name] = state[f'model.sem_seg_head.predictor._bbox_embed.{layer}']
        if 'predictor.decoder.norm.' in name:
            state[name] = state[name.replace('decoder.norm.', 'decoder_norm.')]
    return state
