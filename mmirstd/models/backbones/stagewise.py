"""Entering a backbone between its stages: one small adapter per backbone family.

The queries interact with the features at the entry of every stage, so the encoder runs a backbone
step by step, in a plain loop:

    for stage in range(len(stages.channels)):
        x = stages.enter(backbone, stage, x)   # patch embedding or downsampling
        x = stages.blocks(backbone, stage, x)
        outputs.append(stages.output(backbone, stage, x))

An adapter stores properties of a backbone but never the backbone itself, which is passed to every
call. So each module has one owner, and copies, fused copies and wrappers of a model work.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mmirstd.models.layers.conv import to_map, to_tokens


class StageWise(nn.Module):
    """A backbone that can be entered between stages without an adapter.

    Attributes:
        entry_channels: Channels after ``enter`` of each stage.
        channels: Channels of the output of each stage.
    """

    entry_channels: Sequence[int]
    channels: Sequence[int]

    def enter(self, stage: int, x: Tensor) -> Tensor:
        """Patch embedding or downsampling: image or previous stage -> (N, C, h, w)."""
        raise NotImplementedError

    def blocks(self, stage: int, x: Tensor) -> Tensor:
        """The blocks of a stage: (N, C, h, w) -> (N, C', h, w)."""
        raise NotImplementedError

    def output(self, stage: int, x: Tensor) -> Tensor:
        """The output of a stage as the backbone returns it, e.g. normalised."""
        del stage
        return x

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Map images (N, C, H, W) to one feature map (N, C_i, h_i, w_i) per stage."""
        outputs = []
        for stage in range(len(self.channels)):
            x = self.blocks(stage, self.enter(stage, x))
            outputs.append(self.output(stage, x))
        return tuple(outputs)


class Stages:
    """How a backbone of one family is run stage by stage.

    Args:
        backbone: A built backbone of the family.
        image_channels: Channels of its input images.

    Attributes:
        entry_channels: Channels after ``enter`` of each stage.
        channels: Channels of the output of each stage.
    """

    def __init__(self, backbone: nn.Module, image_channels: int = 3) -> None:
        known = self.known_channels(backbone)
        entry, exits = known or self._measure_channels(backbone, image_channels)
        self.entry_channels, self.channels = tuple(entry), tuple(exits)

    def known_channels(self, backbone: nn.Module) -> tuple[Sequence[int], Sequence[int]] | None:
        """Channels at entries and outputs as the backbone states them; None if it does not."""
        raise NotImplementedError

    def count(self, backbone: nn.Module) -> int:
        """How many stages the backbone has."""
        return len(backbone.stages)

    def enter(self, backbone: nn.Module, stage: int, x: Tensor) -> Tensor:
        """See :meth:`StageWise.enter`."""
        return backbone.enter(stage, x)

    def blocks(self, backbone: nn.Module, stage: int, x: Tensor) -> Tensor:
        """See :meth:`StageWise.blocks`."""
        return backbone.blocks(stage, x)

    def output(self, backbone: nn.Module, stage: int, x: Tensor) -> Tensor:
        """See :meth:`StageWise.output`."""
        return backbone.output(stage, x)

    def _measure_channels(
        self, backbone: nn.Module, image_channels: int
    ) -> tuple[list[int], list[int]]:
        """Channels measured on a small image, if the backbone does not state them."""
        entry, exits = [], []
        training = backbone.training
        backbone.eval()
        x = next(backbone.parameters()).new_zeros(1, image_channels, 64, 64)
        with torch.no_grad():
            for stage in range(self.count(backbone)):
                x = self.enter(backbone, stage, x)
                entry.append(x.shape[1])
                x = self.blocks(backbone, stage, x)
                exits.append(self.output(backbone, stage, x).shape[1])
        backbone.train(training)
        return entry, exits


class OwnStages(Stages):
    """A backbone that is a :class:`StageWise` itself."""

    def known_channels(self, backbone: nn.Module) -> tuple[Sequence[int], Sequence[int]]:
        return backbone.entry_channels, backbone.channels


class ResNetStages(Stages):
    """mmseg's ResNet, ResNetV1c, ResNetV1d, ResNeXt, ResNeSt: the first block enters a stage."""

    def known_channels(self, backbone: nn.Module) -> tuple[Sequence[int], Sequence[int]]:
        stages = self.count(backbone)
        exits = [backbone.feat_dim // 2 ** (stages - 1 - stage) for stage in range(stages)]
        return [backbone.stem_channels, *exits[1:]], exits

    def count(self, backbone: nn.Module) -> int:
        return len(backbone.res_layers)

    def enter(self, backbone: nn.Module, stage: int, x: Tensor) -> Tensor:
        if stage > 0:
            return getattr(backbone, backbone.res_layers[stage])[0](x)
        if backbone.deep_stem:
            return backbone.maxpool(backbone.stem(x))
        return backbone.maxpool(backbone.relu(backbone.norm1(backbone.conv1(x))))

    def blocks(self, backbone: nn.Module, stage: int, x: Tensor) -> Tensor:
        blocks = list(getattr(backbone, backbone.res_layers[stage]))
        for block in blocks if stage == 0 else blocks[1:]:
            x = block(x)
        return x

    def output(self, backbone: nn.Module, stage: int, x: Tensor) -> Tensor:
        del backbone, stage
        return x


class SwinStages(Stages):
    """mmseg's SwinTransformer: the patch merging of the previous stage enters a stage."""

    def known_channels(self, backbone: nn.Module) -> tuple[Sequence[int], Sequence[int]]:
        return backbone.num_features, backbone.num_features

    def enter(self, backbone: nn.Module, stage: int, x: Tensor) -> Tensor:
        if stage == 0:
            tokens, size = backbone.patch_embed(x)
            if backbone.use_abs_pos_embed:
                tokens = tokens + backbone.absolute_pos_embed
            return to_map(backbone.drop_after_pos(tokens), tuple(size))
        merge = backbone.stages[stage - 1].downsample
        tokens, size = merge(to_tokens(x), tuple(x.shape[-2:]))
        return to_map(tokens, tuple(size))

    def blocks(self, backbone: nn.Module, stage: int, x: Tensor) -> Tensor:
        tokens, size = to_tokens(x), tuple(x.shape[-2:])
        for block in backbone.stages[stage].blocks:
            tokens = block(tokens, size)
        return to_map(tokens, size)

    def output(self, backbone: nn.Module, stage: int, x: Tensor) -> Tensor:
        norm = getattr(backbone, f'norm{stage}', None)
        return x if norm is None else to_map(norm(to_tokens(x)), tuple(x.shape[-2:]))


class MiTStages(Stages):
    """mmseg's MixVisionTransformer (SegFormer)."""

    def known_channels(self, backbone: nn.Module) -> tuple[Sequence[int], Sequence[int]]:
        channels = [backbone.embed_dims * heads for heads in backbone.num_heads]
        return channels, channels

    def count(self, backbone: nn.Module) -> int:
        return len(backbone.layers)

    def enter(self, backbone: nn.Module, stage: int, x: Tensor) -> Tensor:
        tokens, size = backbone.layers[stage][0](x)
        return to_map(tokens, tuple(size))

    def blocks(self, backbone: nn.Module, stage: int, x: Tensor) -> Tensor:
        tokens, size = to_tokens(x), tuple(x.shape[-2:])
        _, blocks, norm = backbone.layers[stage]
        for block in blocks:
            tokens = block(tokens, size)
        return to_map(norm(tokens), size)

    def output(self, backbone: nn.Module, stage: int, x: Tensor) -> Tensor:
        del backbone, stage
        return x


class TimmConvNeXtStages(Stages):
    """timm's ConvNeXt, bare, with ``features_only``, or inside mmseg's TIMMBackbone."""

    def known_channels(self, backbone: nn.Module) -> tuple[Sequence[int], Sequence[int]] | None:
        info = getattr(_timm_model(backbone), 'feature_info', None)
        if info is None:
            return None
        channels = info.channels() if hasattr(info, 'channels') else [x['num_chs'] for x in info]
        return channels, channels

    def count(self, backbone: nn.Module) -> int:
        net = _timm_model(backbone)
        if hasattr(net, 'stages'):
            return len(net.stages)
        return sum(name.startswith('stages_') for name, _ in net.named_children())

    @staticmethod
    def _stage(net: nn.Module, stage: int) -> nn.Module:
        return net.stages[stage] if hasattr(net, 'stages') else getattr(net, f'stages_{stage}')

    def enter(self, backbone: nn.Module, stage: int, x: Tensor) -> Tensor:
        net = _timm_model(backbone)
        if stage == 0:  # features_only numbers the parts of the stem
            x = net.stem(x) if hasattr(net, 'stem') else net.stem_1(net.stem_0(x))
        return self._stage(net, stage).downsample(x)

    def blocks(self, backbone: nn.Module, stage: int, x: Tensor) -> Tensor:
        return self._stage(_timm_model(backbone), stage).blocks(x)

    def output(self, backbone: nn.Module, stage: int, x: Tensor) -> Tensor:
        del backbone, stage
        return x


class MMPretrainConvNeXtStages(Stages):
    """``mmpretrain.ConvNeXt`` (package mmpretrain, an optional extra)."""

    def known_channels(self, backbone: nn.Module) -> tuple[Sequence[int], Sequence[int]]:
        return backbone.channels, backbone.channels

    def enter(self, backbone: nn.Module, stage: int, x: Tensor) -> Tensor:
        return backbone.downsample_layers[stage](x)

    def blocks(self, backbone: nn.Module, stage: int, x: Tensor) -> Tensor:
        return backbone.stages[stage](x)

    def output(self, backbone: nn.Module, stage: int, x: Tensor) -> Tensor:
        norm = getattr(backbone, f'norm{stage}', None)
        return x if norm is None else norm(x)


FAMILIES: dict[str, type[Stages]] = {
    'mmirstd.StageWise': OwnStages,
    'mmseg.ResNet': ResNetStages,
    'mmseg.SwinTransformer': SwinStages,
    'mmseg.MixVisionTransformer': MiTStages,
    'mmseg.TIMMBackbone': TimmConvNeXtStages,
    'timm.ConvNeXt': TimmConvNeXtStages,
    'timm.FeatureListNet': TimmConvNeXtStages,
    'mmpretrain.ConvNeXt': MMPretrainConvNeXtStages,
}
"""Package and class of a backbone, or of its base class, and the adapter for it. They are names
instead of classes, because importing mmpretrain takes seconds and it may be missing."""


def stages_of(backbone: nn.Module, image_channels: int = 3) -> Stages:
    """How to run ``backbone`` stage by stage.

    Args:
        backbone: A built backbone.
        image_channels: Channels of its input images.

    Raises:
        TypeError: The backbone cannot be entered between stages.
    """
    for cls in type(backbone).__mro__:
        family = FAMILIES.get(f'{cls.__module__.partition(".")[0]}.{cls.__name__}')
        if family is TimmConvNeXtStages and not _is_convnext(_timm_model(backbone)):
            break
        if family is not None:
            return family(backbone, image_channels)
    raise TypeError(
        f'{type(backbone).__name__} cannot be entered between stages, which the queries of the '
        f'encoder need. Supported are {", ".join(FAMILIES)} (of timm only ConvNeXt) and their '
        'subclasses; derive another backbone from '
        'mmirstd.models.backbones.stagewise.StageWise and implement enter and blocks, or use it '
        'without encoder queries.'
    )


def _timm_model(backbone: nn.Module) -> nn.Module:
    return getattr(backbone, 'timm_model', backbone)


def _is_convnext(net: nn.Module) -> bool:
    stages = getattr(net, 'stages', None)
    first = getattr(net, 'stages_0', None) if stages is None else next(iter(stages), None)
    has_stem = hasattr(net, 'stem') or hasattr(net, 'stem_0')
    return has_stem and hasattr(first, 'downsample') and hasattr(first, 'blocks')
