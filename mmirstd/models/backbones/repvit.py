"""RepViT through timm, with the stem stride that small targets need."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import timm
import torch
from mmengine.model import BaseModule
from timm.models.repvit import RepVit
from torch import Tensor, nn

from mmirstd.checkpoints import load_checkpoint, load_from_http_weights_only
from mmirstd.models.backbones.stagewise import StageWise
from mmirstd.models.layers.conv import ResidualConvs
from mmirstd.registry import MODELS

STEM_STRIDES = {4: (2, 2), 2: (2, 1), 1: (1, 1)}
"""Total stem stride -> strides of its two convolutions. With (2, 1) the stem computes at even
positions exactly what the pre-trained one does; (1, 2) would not."""


@MODELS.register_module()
class RepViT(StageWise, BaseModule):
    """RepViT (Wang et al., 2023), a backbone that can be entered between its stages.

    Modules keep timm's names (``stem.*``, ``stages.*``), so published weights load unchanged at
    every stem stride. Stages end where they do in the original code; timm counts the last block
    of a stage as ``downsample.pre_block`` of the next one.

    Args:
        arch: timm model name, ``'repvit_m1_1'`` in the paper.
        stem_stride: Total stride of the patch embedding: 4 is plain RepViT, the paper uses 2 on
            IRSTD-1k and 1 on the other datasets (Sec. 4.1, network details).
        in_channels: Channels of the image.
        weights: ``'imagenet'`` loads timm's ImageNet weights (the first use needs network
            access); a path loads a checkpoint of this backbone, for instance a distilled one; None
            starts from random weights.
        embed_dims: Widths of the four stages instead of those of ``arch``.
        depths: Blocks of the four stages instead of those of ``arch``.

    Raises:
        ValueError: The stem stride is not 4, 2 or 1, or the checkpoint does not fit.
        RuntimeError: ImageNet weights were requested and could not be loaded.
    """

    def __init__(
        self,
        arch: str = 'repvit_m1_1',
        stem_stride: int = 4,
        *,
        in_channels: int = 3,
        weights: str | None = None,
        embed_dims: Sequence[int] | None = None,
        depths: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        if stem_stride not in STEM_STRIDES:
            raise ValueError(f'stem_stride={stem_stride} must be one of {sorted(STEM_STRIDES)}')
        sizes = {'embed_dim': embed_dims, 'depth': depths}
        sizes = {name: tuple(size) for name, size in sizes.items() if size is not None}
        model = _create(arch, weights == 'imagenet', in_channels, sizes)
        self.stem, self.stages = model.stem, model.stages
        for conv, stride in zip(
            (self.stem.conv1.c, self.stem.conv2.c), STEM_STRIDES[stem_stride], strict=True
        ):
            conv.stride = (stride, stride)
        self.channels = self.entry_channels = [info['num_chs'] for info in model.feature_info]
        self.strides = [stem_stride * 2**stage for stage in range(len(self.stages))]
        if weights not in (None, 'imagenet'):
            load_backbone(self, weights)

    def enter(self, stage: int, x: Tensor) -> Tensor:
        """The patch embedding (stage 0) or the downsampling block of a later stage."""
        if stage == 0:
            return self.stem(x.contiguous(memory_format=torch.channels_last))
        block = self.stages[stage].downsample
        x = block.channel_downsample(block.spatial_downsample(x))
        fused = isinstance(block.ffn, ResidualConvs)
        return block.ffn(x) if fused else x + block.ffn(x)

    def blocks(self, stage: int, x: Tensor) -> Tensor:
        """The blocks of a stage, up to the last one before the next downsampling."""
        x = self.stages[stage].blocks(x)
        if stage + 1 < len(self.stages):
            x = self.stages[stage + 1].downsample.pre_block(x)
        return x


def _create(arch: str, pretrained: bool, in_channels: int, sizes: dict) -> RepVit:
    try:
        model = timm.create_model(
            arch, pretrained=pretrained, num_classes=0, in_chans=in_channels, **sizes
        )
    except Exception as error:
        if not pretrained:
            raise
        raise RuntimeError(
            f'ImageNet weights of {arch} could not be loaded ({error}). They come from the '
            'Hugging Face hub on the first use: run once with network access, give the path of '
            "a checkpoint as weights='...', or set weights=None to start from random weights."
        ) from error
    if not isinstance(model, RepVit):
        raise ValueError(f'arch={arch!r} is not a RepViT of timm')
    return model


def load_backbone(backbone: nn.Module, path: str | Path) -> None:
    """Load a checkpoint of this backbone, strictly.

    It accepts state dicts and MMEngine checkpoints of the backbone, and those of a complete
    model, of which it takes the ``backbone.`` part; as a file or at an http(s) address.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is truncated, or keys or shapes do not fit.
    """
    address = str(path)
    if not address.startswith(('http://', 'https://')) and not Path(path).expanduser().is_file():
        raise FileNotFoundError(
            f'backbone weights {path} do not exist: give their path with --cfg-options '
            '(model.backbone.weights=PATH, in a QueryEncoder model.backbone.backbone.weights), '
            'or None there to start from random weights'
        )
    if address.startswith(('http://', 'https://')):
        checkpoint = load_from_http_weights_only(address, 'cpu')
    else:
        checkpoint = load_checkpoint(path)
    state = checkpoint.get('state_dict', checkpoint)
    inner = {k.removeprefix('backbone.'): v for k, v in state.items() if k.startswith('backbone.')}
    try:
        backbone.load_state_dict(inner or state)
    except (RuntimeError, TypeError) as error:
        raise ValueError(f'{path} does not contain weights of this backbone: {error}') from error
