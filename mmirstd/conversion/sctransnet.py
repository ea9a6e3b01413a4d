"""Keys of SCTransNet."""

from mmirstd.conversion.common import Family, Rule, Unused

_BLOCK = r'mtc\.encoder\.layer\.(\d)\.'
_TARGET = r'backbone.transformer.blocks.\1.'


def _level(pattern: str, target: str) -> Rule:
    """A rule of a level of a block. Group 2 is the level, which counts from 1 in the original."""
    return Rule(_BLOCK + pattern, _TARGET + target.replace('LEVEL', r'<\2-1>'))


def _decoder(pattern: str, target: str) -> Rule:
    """Decoder levels count from deep to shallow here."""
    return Rule(r'up_decoder([1-4])\.' + pattern, rf'backbone.decoder.<4-\1>.{target}')


SCTRANSNET = Family(
    name='sctransnet',
    config='sctransnet/sctransnet_nudt.py',
    rules=(
        Rule(r'inc\.0\.(.+)', r'backbone.encoder.0.\1'),
        Rule(r'down_encoder([1-4])\.0\.(.+)', r'backbone.encoder.\1.\2'),
        Rule(
            r'mtc\.embeddings_([1-4])\.patch_embeddings\.(\w+)',
            r'backbone.transformer.embeddings.<\1-1>.\2',
        ),
        _level(r'attn_norm([1-4])\.body\.(\w+)', r'norms.LEVEL.\3'),
        Rule(_BLOCK + r'attn_norm\.body\.(\w+)', _TARGET + r'joint_norm.\2'),
        _level(r'channel_attn\.mhead([1-4])\.weight', 'attention.queries.LEVEL.0.weight'),
        _level(r'channel_attn\.q([1-4])\.weight', 'attention.queries.LEVEL.1.weight'),
        Rule(_BLOCK + r'channel_attn\.mheadk\.weight', _TARGET + 'attention.key.0.weight'),
        Rule(_BLOCK + r'channel_attn\.k\.weight', _TARGET + 'attention.key.1.weight'),
        Rule(_BLOCK + r'channel_attn\.mheadv\.weight', _TARGET + 'attention.value.0.weight'),
        Rule(_BLOCK + r'channel_attn\.v\.weight', _TARGET + 'attention.value.1.weight'),
        _level(r'channel_attn\.project_out([1-4])\.weight', 'attention.out.LEVEL.weight'),
        _level(r'ffn_norm([1-4])\.body\.(\w+)', r'feed_forward_norms.LEVEL.\3'),
        _level(r'ffn([1-4])\.project_in\.weight', 'feed_forwards.LEVEL.expand.weight'),
        _level(r'ffn([1-4])\.dwconv3x3\.weight', 'feed_forwards.LEVEL.local.weight'),
        _level(r'ffn([1-4])\.dwconv5x5\.weight', 'feed_forwards.LEVEL.wide.weight'),
        _level(r'ffn([1-4])\.project_out\.weight', 'feed_forwards.LEVEL.reduce.weight'),
        _level(r'ffn([1-4])\.eca\.conv\.0\.weight', 'feed_forwards.LEVEL.channel_gate.weight'),
        Rule(
            r'mtc\.encoder\.encoder_norm([1-4])\.body\.(\w+)',
            r'backbone.transformer.norms.<\1-1>.\2',
        ),
        Rule(
            r'mtc\.reconstruct_([1-4])\.conv\.(\w+)',
            r'backbone.transformer.reconstructions.<\1-1>.0.\2',
        ),
        Rule(
            r'mtc\.reconstruct_([1-4])\.norm\.(\w+)',
            r'backbone.transformer.reconstructions.<\1-1>.1.\2',
        ),
        _decoder(r'coatt\.mlp_x\.1\.(\w+)', r'skip_gate.\2'),
        _decoder(r'coatt\.mlp_g\.1\.(\w+)', r'decoder_gate.\2'),
        _decoder(r'nConvs\.([01])\.conv\.(\w+)', r'convs.\2.0.\3'),
        _decoder(r'nConvs\.([01])\.norm\.(\w+)', r'convs.\2.1.\3'),
        Rule(r'gt_conv([2-5])\.0\.(\w+)', r'decode_head.side_heads.<\1-2>.\2'),
        Rule(r'outc\.(\w+)', r'decode_head.side_heads.4.\1'),
        Rule(r'outconv\.(\w+)', r'decode_head.conv_seg.\1'),
    ),
    unused=(
        Unused(
            r'mtc\.embeddings_[1-4]\.position_embeddings',
            'never added by the original; it would fix the image size',
        ),
        Unused(_BLOCK + r'channel_attn\.q[1-4]_attn[1-4]', 'scalars that the original never uses'),
    ),
    first_convolutions=('backbone.encoder.0.conv1.weight', 'backbone.encoder.0.shortcut.0.weight'),
    note='The original applies a sigmoid inside the model; ours returns logits.',
)
