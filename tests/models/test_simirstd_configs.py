"""Every SimIRSTD config builds, trains every parameter, and the roadmap leads to the model."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from model_tester import CONFIGS, labelled_samples
from torch import nn

DATASETS = ('nudt', 'sirst', 'irstd1k', 'mdfa')
STEPS = (0, 1, 2, 3, 4, 6, 7)
IDLE_BY_DESIGN = {
    # MMSeg's FPN makes four maps; a head that reads the finest one leaves the others' last layer.
    'simirstd_head_on_resnet_fpn_nudt': {
        f'neck.fpn_convs.{level}.conv.{name}' for level in (1, 2, 3) for name in ('weight', 'bias')
    },
}
STEM_STRIDES = {'nudt': 1, 'sirst': 1, 'irstd1k': 2, 'mdfa': 1}


def small(config: Config) -> Config:
    """The same architecture, narrow: what is tested is the wiring."""
    model = config.model
    backbone = model.backbone
    inner = backbone.get('backbone', backbone)
    if inner.type == 'mmirstd.RepViT':
        inner.update(embed_dims=(8, 16, 24, 32), depths=(1, 1, 2, 1), weights=None)
        channels = [8, 16, 24, 32]
    elif inner.type == 'SwinTransformer':
        inner.update(embed_dims=8, depths=(1, 1, 1, 1), num_heads=(1, 1, 2, 2), window_size=4)
        channels = [8, 16, 32, 64]
    else:
        inner.update(depth=18, base_channels=8, stem_channels=8)
        channels = [8, 16, 32, 64]
    if backbone.type == 'mmirstd.QueryEncoder':
        backbone.update(embed_dims=16, num_heads=2, ffn_dims=16)
    neck = model.get('neck')
    if neck is not None:
        neck.update(in_channels=channels, out_channels=16)
        if neck.type == 'mmirstd.QueryFPN':
            neck.update(num_heads=2, ffn_dims=16, norm_groups=4)
    head = model.decode_head
    if head.type == 'mmirstd.SimIRSTDHead':
        head.update(in_channels=16, num_heads=2, mlp_dims=16, upscale_dims=(8, 8))
    elif head.type == 'UPerHead':
        head.update(in_channels=channels, channels=8)
    else:
        head.update(in_channels=16 if neck is not None else channels, channels=8)
    return config


def build(path: Path) -> nn.Module:
    init_default_scope('mmseg')
    torch.manual_seed(0)
    return MODELS.build(small(Config.fromfile(path)).model)


def configs() -> list[Path]:
    folders = (CONFIGS, CONFIGS / 'ablation', CONFIGS / 'swaps')
    paths = [path for folder in folders for path in sorted(folder.glob('*.py'))]
    # The steps of the roadmap differ between datasets in nothing but the dataset.
    return [p for p in paths if p.parent.name != 'ablation' or p.stem.endswith('_nudt')]


@pytest.mark.parametrize('path', configs(), ids=lambda path: path.stem)
def test_every_parameter_of_every_config_trains(path: Path) -> None:
    model = build(path).train()
    labels = torch.zeros(2, 48, 40, dtype=torch.long)
    labels[:, 10:13, 14:18] = 1
    losses = model.loss(torch.randn(2, 3, 48, 40), labelled_samples(labels))
    total, _ = model.parse_losses(losses)
    assert torch.isfinite(total)
    total.backward()
    idle = {name for name, p in model.named_parameters() if p.grad is None}
    assert idle == IDLE_BY_DESIGN.get(path.stem, set())


@pytest.mark.parametrize('dataset', DATASETS)
def test_roadmap_ends_at_the_full_model(dataset: str) -> None:
    last = Config.fromfile(CONFIGS / 'ablation' / f'step7_{dataset}.py')
    full = Config.fromfile(CONFIGS / f'simirstd_{dataset}.py')
    last.model.backbone.backbone.weights = None  # a distilled backbone, from step 1 on
    assert last.model.to_dict() == full.model.to_dict()
    assert last.train_pipeline == full.train_pipeline
    assert full.model.backbone.backbone.stem_stride == STEM_STRIDES[dataset]


def test_each_step_adds_what_the_paper_says() -> None:
    def parts(step: int) -> dict[str, object]:
        model = Config.fromfile(CONFIGS / 'ablation' / f'step{step}_nudt.py').model
        encoder = model.backbone if model.backbone.type == 'mmirstd.QueryEncoder' else {}
        inner = encoder.get('backbone', model.backbone)
        return {
            'distilled': inner.weights is not None,
            'fpn queries': model.neck.num_queries,
            'fpn early': bool(model.neck.get('early_decoding')),
            'encoder queries': encoder.get('num_queries', 0),
            'encoder early': bool(encoder.get('early_decoding')),
            'prompts': model.decode_head.get('num_prompt_queries', 0),
        }

    table = {step: tuple(parts(step).values()) for step in STEPS}
    assert table == {
        0: (False, 0, False, 0, False, 0),
        1: (True, 0, False, 0, False, 0),
        2: (True, 4, False, 0, False, 0),
        3: (True, 4, True, 0, False, 0),
        4: (True, 4, True, 4, False, 0),
        6: (True, 4, True, 4, True, 0),
        7: (True, 4, True, 4, True, 8),
    }


def test_missing_distilled_weights_are_explained() -> None:
    init_default_scope('mmseg')
    config = Config.fromfile(CONFIGS / 'ablation' / 'step1_nudt.py')
    with pytest.raises(FileNotFoundError, match=r'repvit_m1_1_distilled\.pth do not exist'):
        MODELS.build(config.model)


@pytest.mark.parametrize('size', [(33, 47), (64, 40)])
def test_predictions_have_the_size_of_the_image(size: tuple[int, int]) -> None:
    model = build(CONFIGS / 'simirstd_irstd1k.py')  # stem stride 2: masks are upsampled
    model.eval()
    image = torch.randn(2, 3, *size)
    with torch.no_grad():
        final, *early = model(image, mode='tensor')
        assert len(early) == 1, "the encoder's early mask is not needed"
        model.backbone.predict_early_mask = True
        final, *early = model(image, mode='tensor')
        samples = model.predict(image)
    assert len(early) == 2
    assert final.shape == (2, 1, (size[0] + 1) // 2, (size[1] + 1) // 2)
    assert samples[0].pred_sem_seg.data.shape == (1, *size)
    assert samples[0].seg_logits.data.min() >= 0  # MMSeg stores probabilities for one channel
    assert samples[0].seg_logits.data.max() <= 1


def test_prompts_and_queries_must_agree() -> None:
    model = build(CONFIGS / 'simirstd_nudt.py')
    features = model.backbone(torch.randn(1, 3, 32, 32))
    model.neck.num_encoder_queries = 3
    with pytest.raises(ValueError, match=r'expects 3 encoder queries and received 4'):
        model.neck(features)
    model.neck.num_encoder_queries = 4
    model.decode_head.num_prompt_queries = 5
    with pytest.raises(ValueError, match=r'expects 5 prompt queries and received 8'):
        model.decode_head(model.neck(features))
    with pytest.raises(ValueError, match=r'built for 4 levels.*received 3 maps'):
        model.neck(features[:3])


def test_bfloat16_autocast_trains() -> None:
    model = build(CONFIGS / 'simirstd_nudt.py').train()
    labels = torch.zeros(1, 32, 32, dtype=torch.long)
    labels[:, 10:13, 14:18] = 1
    with torch.autocast('cpu', dtype=torch.bfloat16):
        losses = model.loss(torch.randn(1, 3, 32, 32), labelled_samples(labels))
        total, _ = model.parse_losses(losses)
    total.backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters())
