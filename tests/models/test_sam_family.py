"""The configs of the SAM family: sizes of the published ones, learning of the small ones."""

import numpy as np
import pytest
import torch
from meta_device import on_meta_device
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from model_tester import CONFIGS, labelled_samples
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from mmirstd.registry import OPTIM_WRAPPER_CONSTRUCTORS

# Config -> parameters of the whole model and of the encoder. MobileSAM's and SAM-HQ-tiny's
# checkpoints hold 321,640 parameters more: the classifier of their encoder's pre-training.
PARAMETERS = {
    'sam/sam_vit_b_sirst': (93_735_472, 89_670_912),
    'sam/sam_vit_l_sirst': (312_342_832, 308_278_272),
    'sam/sam_vit_h_sirst': (641_090_608, 637_026_048),
    'sam_hq/sam_hq_vit_b_sirst': (94_806_576, 89_670_912),
    'sam_hq/sam_hq_vit_l_sirst': (313_676_080, 308_278_272),
    'sam_hq/sam_hq_vit_h_sirst': (642_686_000, 637_026_048),
    'sam_hq/sam_hq_vit_tiny_sirst': (10_256_964, 5_743_892),
    'mobile_sam/mobile_sam_sirst': (9_808_452, 5_743_892),
    'efficient_sam/efficient_sam_vitt_sirst': (10_223_012, 6_163_648),
    'efficient_sam/efficient_sam_vits_sirst': (26_412_644, 22_353_280),
    # Without 393,216 of the language part, which the released models never read.
    'semantic_sam/semantic_sam_swint_sirst': (52_980_543 - 393_216, 27_520_698),
    'semantic_sam/semantic_sam_swinl_sirst': (222_405_945, 195_201_204),
}
SMALL = {
    'sam/sam_cpu_synthetic',
    'sam_hq/sam_hq_cpu_synthetic',
    'mobile_sam/mobile_sam_cpu_synthetic',
    'efficient_sam/efficient_sam_cpu_synthetic',
    'semantic_sam/semantic_sam_cpu_synthetic',
}


def build(config: str, **overrides: object) -> nn.Module:
    init_default_scope('mmseg')
    cfg = Config.fromfile(CONFIGS / f'{config}.py')
    cfg.merge_from_dict(overrides)
    return MODELS.build(cfg.model)


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def scenes(n: int = 4, size: int = 64) -> tuple[torch.Tensor, torch.Tensor]:
    """Noise with one bright spot of a few pixels, normalised, and its mask."""
    generator = np.random.Generator(np.random.PCG64(0))
    images = generator.standard_normal((n, 1, size, size)).astype(np.float32) * 0.2
    labels = np.zeros((n, size, size), np.int64)
    for i, (y, x) in enumerate(generator.integers(8, size - 8, (n, 2))):
        images[i, 0, y - 1 : y + 3, x - 1 : x + 3] += 3
        labels[i, y - 1 : y + 3, x - 1 : x + 3] = 1
    return torch.from_numpy(images), torch.from_numpy(labels)


@pytest.mark.parametrize('config', PARAMETERS)
def test_published_sizes(config):
    with on_meta_device():
        model = build(config)
    assert (count(model), count(model.backbone)) == PARAMETERS[config]


@pytest.mark.parametrize(
    ('config', 'size', 'gigamacs'),
    [
        ('sam/sam_vit_b_sirst', 256, 34.512),
        ('sam/sam_vit_b_sirst', 1024, 486.039),
        ('sam/sam_vit_l_sirst', 1024, 1492.840),
        ('sam/sam_vit_h_sirst', 1024, 2980.541),
        ('mobile_sam/mobile_sam_sirst', 1024, 38.768),
        ('efficient_sam/efficient_sam_vitt_sirst', 1024, 102.274),
        ('efficient_sam/efficient_sam_vits_sirst', 1024, 245.618),
        ('semantic_sam/semantic_sam_swint_sirst', 1024, 98.410),
        ('semantic_sam/semantic_sam_swinl_sirst', 1024, 798.024),
    ],
)
def test_encoders_cost_what_the_docs_say(config, size, gigamacs):
    """Of SAM-B at 256, MobileSAM and EfficientSAM-Ti the originals' own counts (products alone)."""
    with on_meta_device():
        model = build(config, **{'model.backbone.img_size': size})
        encoder = model.backbone.eval().requires_grad_(False)
        with FlopCounterMode(display=False) as counter:
            encoder(torch.zeros(1, 3, size, size))
    assert counter.get_total_flops() / 2e9 == pytest.approx(gigamacs, abs=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize(
    ('config', 'gigamacs'),
    [
        ('sam/sam_vit_h_sirst', 0.831),
        ('sam_hq/sam_hq_vit_b_sirst', 7.497),
        ('sam_hq/sam_hq_vit_l_sirst', 8.571),
        ('sam_hq/sam_hq_vit_h_sirst', 9.645),
        ('sam_hq/sam_hq_vit_tiny_sirst', 4.947),
        ('efficient_sam/efficient_sam_vits_sirst', 1.253),
        ('semantic_sam/semantic_sam_swint_sirst', 226.408),
        ('semantic_sam/semantic_sam_swinl_sirst', 229.881),
    ],
)
def test_heads_cost_what_the_docs_say(config, gigamacs):
    with on_meta_device():
        model = build(config).eval().requires_grad_(False)
        maps = model.backbone(torch.zeros(1, 3, 1024, 1024))
        with FlopCounterMode(display=False) as counter:
            model.decode_head(maps)
    assert counter.get_total_flops() / 2e9 == pytest.approx(gigamacs, abs=1e-3)


@pytest.mark.parametrize('config', sorted(SMALL))
def test_the_small_config_learns(config):
    torch.manual_seed(0)
    model = build(config, **{'model.backbone.img_size': 128}).train()
    optimizer = torch.optim.AdamW(
        [parameter for parameter in model.parameters() if parameter.requires_grad], lr=3e-3
    )
    images, labels = scenes()
    totals = []
    for _ in range(25):
        total, _ = model.parse_losses(model.loss(images, labelled_samples(labels)))
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        totals.append(total.item())
    assert np.mean(totals[-5:]) < 0.8 * np.mean(totals[:3]), totals


def test_fine_tuning_slows_the_encoder_and_spares_norms_and_positions():
    model = build('sam/sam_cpu_synthetic')
    cfg = Config.fromfile(CONFIGS / 'sam' / 'sam_vit_b_sirst.py')
    wrapper = cfg.optim_wrapper
    constructor = OPTIM_WRAPPER_CONSTRUCTORS.build(
        {
            'type': wrapper.pop('constructor'),
            'paramwise_cfg': wrapper.pop('paramwise_cfg'),
            'optim_wrapper_cfg': wrapper,
        }
    )
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    groups = {
        names[id(group['params'][0])]: group for group in constructor(model).optimizer.param_groups
    }
    assert set(groups) == {name for name, p in model.named_parameters() if p.requires_grad}
    for name, group in groups.items():
        assert group['lr'] == pytest.approx(1e-5 if name.startswith('backbone.') else 1e-4), name
        module = model.get_submodule(name.rpartition('.')[0])
        spared = isinstance(module, nn.LayerNorm | nn.Embedding) or 'pos' in name
        assert group['weight_decay'] == (0.0 if spared else 0.1), name
