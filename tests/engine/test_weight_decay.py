import torch
from torch import nn

from mmirstd.registry import OPTIM_WRAPPER_CONSTRUCTORS


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = nn.ModuleDict(
            {'conv': nn.Conv2d(1, 1, 1), 'norm': nn.LayerNorm(2), 'table': nn.Embedding(1, 2)}
        )
        self.backbone.pos_embed = nn.Parameter(torch.zeros(1))
        self.head = nn.ModuleDict(
            {'fc': nn.Linear(1, 1), 'norm': nn.BatchNorm2d(1), 'query': nn.Embedding(1, 2)}
        )
        self.head['fc'].bias.requires_grad_(False)
        self.head['norm'].weight.requires_grad_(False)


def groups(**paramwise):
    model = Model()
    constructor = OPTIM_WRAPPER_CONSTRUCTORS.build(
        {
            'type': 'mmirstd.EmbedDecayOptimWrapperConstructor',
            'optim_wrapper_cfg': {
                'type': 'OptimWrapper',
                'optimizer': {'type': 'AdamW', 'lr': 1.0, 'weight_decay': 0.1},
            },
            'paramwise_cfg': paramwise,
        }
    )
    optimizer = constructor(model).optimizer
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    return {
        names[id(group['params'][0])]: (group['lr'], group['weight_decay'])
        for group in optimizer.param_groups
    }


def test_norms_and_embeddings_are_not_decayed():
    found = groups(norm_decay_mult=0.0, embed_decay_mult=0.0)
    assert {name for name, (_, decay) in found.items() if decay == 0} == {
        'backbone.norm.weight',
        'backbone.norm.bias',
        'backbone.table.weight',
        'head.norm.bias',
        'head.query.weight',
    }


def test_a_learning_rate_for_the_encoder_leaves_decay_to_the_kinds_of_layers():
    found = groups(
        norm_decay_mult=0.0,
        embed_decay_mult=0.0,
        custom_keys={
            'backbone': {'lr_mult': 0.1},
            'pos_embed': {'lr_mult': 0.1, 'decay_mult': 0.0},
        },
    )
    assert found == {
        'backbone.pos_embed': (0.1, 0.0),
        'backbone.conv.weight': (0.1, 0.1),
        'backbone.conv.bias': (0.1, 0.1),
        'backbone.norm.weight': (0.1, 0.0),
        'backbone.norm.bias': (0.1, 0.0),
        'backbone.table.weight': (0.1, 0.0),
        'head.fc.weight': (1.0, 0.1),
        'head.norm.bias': (1.0, 0.0),
        'head.query.weight': (1.0, 0.0),
    }


def test_a_custom_decay_wins():
    found = groups(
        norm_decay_mult=0.0,
        embed_decay_mult=0.0,
        custom_keys={'norm': {'decay_mult': 2.0}, 'query': {'decay_mult': 0.5}},
    )
    assert found['backbone.norm.weight'] == (1.0, 0.2)
    assert found['head.query.weight'] == (1.0, 0.05)
    assert found['backbone.table.weight'] == (1.0, 0.0)
