"""Entering a backbone between its stages: one small adapter per backbone family.

The query design talks to the features at the entry of every stage, so the encoder needs to run
a backbone step by step. What a family calls its stages is its own business; here it is brought
to ``enter`` (patch embedding or down-sampling), ``body`` (the blocks) and ``tap`` (the output).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from mmirstd.models.layers.conv import to_map, to_tokens


class StageWise:
    """A backbone that can be entered between stages.

    Attributes:
        entry_channels: Channels after ``enter`` of each stage.
        channels: Channels of the output of each stage.
        strides: Stride of each stage with respect to the image.
    """

    entry_channels: Sequence[int]
    channels: Sequence[int]
    strides: Sequence[int]

    def enter(self, stage: int, x: Tensor) -> Tensor:
        """Patch embedding or down-sampling: image or previous stage -> (N, C, h, w)."""
        raise NotImplementedError

    def body(self, stage: int, x: Tensor) -> Tensor:
        """The blocks of a stage: (N, C, h, w) -> (N, C', h, w)."""
        raise NotImplementedError

    def tap(self, stage: int, x: Tensor) -> Tensor:
        """The output of a stage as the backbone would return it, e.g. normalised."""
        del stage
        return x

    def forward_stages(
        self,
        x: Tensor,
        at_entry: Callable[[int, Tensor], Tensor] | None = None,
        at_exit: Callable[[int, Tensor], Tensor] | None = None,
    ) -> tuple[Tensor, ...]:
        """Run all stages; the callbacks may change the feature (stage, map) -> map."""
        outputs = []
        for stage in range(len(self.channels)):
            x = self.enter(stage, x)
            x = at_entry(stage, x) if at_entry else x
            x = self.body(stage, x)
            x = at_exit(stage, x) if at_exit else x
            outputs.append(self.tap(stage, x))
        return tuple(outputs)


class _Adapter(StageWise):
    """Runs a backbone that it does not own: parameters stay where the backbone keeps them."""

    def __init__(self, backbone: nn.Module, image_channels: int) -> None:
        self.backbone = backbone
        self._measure(image_channels)

    def _measure(self, image_channels: int) -> None:
        """Read channels and strides off one small image, which no constructor reports."""
        size, entries, exits = 64, [], []

        def note(found: list[Tensor]) -> Callable[[int, Tensor], Tensor]:
            return lambda _, x: (found.append(x), x)[1]

        self.channels = range(self.num_stages())
        parameter = next(self.backbone.parameters())
        training = self.backbone.training
        self.backbone.eval()
        with torch.no_grad():
            image = parameter.new_zeros(1, image_channels, size, size)
            outputs = self.forward_stages(image, note(entries), note(exits))
        self.backbone.train(training)
        self.entry_channels = [x.shape[1] for x in entries]
        self.channels = [x.shape[1] for x in outputs]
        self.strides = [size // x.shape[-1] for x in outputs]

    def num_stages(self) -> int:
        """How many stages the backbone has."""
        raise NotImplementedError


class ResNetStages(_Adapter):
    """mmseg's ResNet, ResNetV1c, ResNetV1d, ResNeXt, ResNeSt: the first block enters a stage."""

    def num_stages(self) -> int:
        return len(self.backbone.res_layers)

    def _stage(self, stage: int) -> nn.Sequential:
        return getattr(self.backbone, self.backbone.res_layers[stage])

    def enter(self, stage: int, x: Tensor) -> Tensor:
        if stage > 0:
            return self._stage(stage)[0](x)
        net = self.backbone
        x = net.stem(x) if net.deep_stem else net.relu(net.norm1(net.conv1(x)))
        return net.maxpool(x)

    def body(self, stage: int, x: Tensor) -> Tensor:
        for block in list(self._stage(stage))[0 if stage == 0 else 1 :]:
            x = block(x)
        return x


class SwinStages(_Adapter):
    """mmseg's SwinTransformer: a stage is entered by the previous one's patch merging."""

    def num_stages(self) -> int:
        return len(self.backbone.stages)

    def enter(self, stage: int, x: Tensor) -> Tensor:
        net = self.backbone
        if stage == 0:
            tokens, size = net.patch_embed(x)
            if net.use_abs_pos_embed:
                tokens = tokens + net.absolute_pos_embed
            return to_map(net.drop_after_pos(tokens), tuple(size))
        tokens, size = net.stages[stage - 1].downsample(to_tokens(x), tuple(x.shape[-2:]))
        return to_map(tokens, tuple(size))

    def body(self, stage: int, x: Tensor) -> Tensor:
        tokens, size = to_tokens(x), tuple(x.shape[-2:])
        for block in self.backbone.stages[stage].blocks:
            tokens = block(tokens, size)
        return to_map(tokens, size)

    def tap(self, stage: int, x: Tensor) -> Tensor:
        norm = getattr(self.backbone, f'norm{stage}', None)
        return x if norm is None else to_map(norm(to_tokens(x)), tuple(x.shape[-2:]))


class MiTStages(_Adapter):
    """mmseg's MixVisionTransformer (SegFormer)."""

    def num_stages(self) -> int:
        return len(self.backbone.layers)

    def enter(self, stage: int, x: Tensor) -> Tensor:
        tokens, size = self.backbone.layers[stage][0](x)
        return to_map(tokens, tuple(size))

    def body(self, stage: int, x: Tensor) -> Tensor:
        tokens, size = to_tokens(x), tuple(x.shape[-2:])
        _, blocks, norm = self.backbone.layers[stage]
        for block in blocks:
            tokens = block(tokens, size)
        return to_map(norm(tokens), size)


class ConvNeXtStages(_Adapter):
    """timm's ConvNeXt, bare, as features_only, or inside mmseg's TIMMBackbone."""

    def num_stages(self) -> int:
        return 4

    def _part(self, name: str, stage: int | None = None) -> nn.Module:
        net = getattr(self.backbone, 'timm_model', self.backbone)
        if stage is None:  # features_only numbers the parts of the stem
            return net.stem if hasattr(net, 'stem') else nn.Sequential(net.stem_0, net.stem_1)
        return net.stages[stage] if hasattr(net, name) else getattr(net, f'{name}_{stage}')

    def enter(self, stage: int, x: Tensor) -> Tensor:
        if stage == 0:
            x = self._part('stem')(x)
        return self._part('stages', stage).downsample(x)

    def body(self, stage: int, x: Tensor) -> Tensor:
        return self._part('stages', stage).blocks(x)


class MMPretrainConvNeXtStages(_Adapter):
    """``mmpretrain.ConvNeXt`` (package mmpretrain, an optional extra)."""

    def num_stages(self) -> int:
        return len(self.backbone.stages)

    def enter(self, stage: int, x: Tensor) -> Tensor:
        return self.backbone.downsample_layers[stage](x)

    def body(self, stage: int, x: Tensor) -> Tensor:
        return self.backbone.stages[stage](x)

    def tap(self, stage: int, x: Tensor) -> Tensor:
        norm = getattr(self.backbone, f'norm{stage}', None)
        return x if norm is None else norm(x)


_RECOGNISED_BY: tuple[tuple[Callable[[nn.Module], bool], type[_Adapter]], ...] = (
    (lambda net: hasattr(net, 'res_layers') and hasattr(net, 'maxpool'), ResNetStages),
    (lambda net: hasattr(net, 'drop_after_pos') and hasattr(net, 'patch_embed'), SwinStages),
    (lambda net: hasattr(net, 'sr_ratios') and hasattr(net, 'layers'), MiTStages),
    (lambda net: hasattr(net, 'downsample_layers'), MMPretrainConvNeXtStages),
    (lambda net: _is_timm_convnext(getattr(net, 'timm_model', net)), ConvNeXtStages),
)


def _is_timm_convnext(net: nn.Module) -> bool:
    stages = getattr(net, 'stages', None)
    first = getattr(net, 'stages_0', None) if stages is None else next(iter(stages), None)
    has_stem = hasattr(net, 'stem') or hasattr(net, 'stem_0')
    return has_stem and hasattr(first, 'downsample') and hasattr(first, 'blocks')


def stage_wise(backbone: nn.Module, image_channels: int = 3) -> StageWise:
    """The stage-wise view of ``backbone``.

    Args:
        backbone: A built backbone.
        image_channels: Channels of the images that it takes.

    Raises:
        TypeError: The backbone cannot be entered between stages.
    """
    if isinstance(backbone, StageWise):
        return backbone
    for recognises, adapter in _RECOGNISED_BY:
        if recognises(backbone):
            return adapter(backbone, image_channels)
    known = ', '.join(sorted(adapter.__name__ for _, adapter in _RECOGNISED_BY))
    raise TypeError(
        f'{type(backbone).__name__} cannot be entered between stages, which the queries of the '
        f'encoder need. Supported are RepViT and the families of {known}; for another backbone '
        'derive it from mmirstd.models.backbones.stagewise.StageWise and write enter and body, '
        'or use it without encoder queries.'
    )
