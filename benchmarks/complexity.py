"""Parameters and multiply-accumulates (MACs) of a segmentor, by kind of work."""

from __future__ import annotations

from collections import Counter
from copy import deepcopy
from dataclasses import dataclass

from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from mmirstd.models.logits import predict_logits

BACKBONE, CONVOLUTION = 'backbone', 'convolutions'
POINTWISE, REST = '1x1 convolutions', 'attention and FFNs'


@dataclass(frozen=True)
class Complexity:
    """Cost of one prediction.

    Attributes:
        parameters: Number of parameters.
        macs: MACs by kind: ``'backbone'`` (the innermost backbone), outside of it
            ``'convolutions'`` (with kernels larger than 1x1), ``'1x1 convolutions'`` and
            ``'attention and FFNs'`` (all other matrix products). Norms, activations,
            interpolation and the sampling of deformable attention are not counted, as in the usual
            counters.
    """

    parameters: int
    macs: dict[str, int]

    @property
    def total_macs(self) -> int:
        """Sum of all MACs."""
        return sum(self.macs.values())


class _Predictor(nn.Module):
    """Root module for the counter, below which modules have the same names as in the model."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        return predict_logits(self.model, images)


def count(model: nn.Module, images: Tensor) -> Complexity:
    """Count parameters and the MACs of :func:`predict_logits` on ``images``."""
    # The counter's module tracker asks every argument that needs a gradient for its history.
    model = deepcopy(model).eval().requires_grad_(False)
    with FlopCounterMode(display=False) as counter:
        _Predictor(model)(images)
    flops = {name: sum(Counter(ops).values()) for name, ops in counter.get_flop_counts().items()}
    prefix = f'{_Predictor.__name__}.model.'
    total = flops.get('Global', 0) // 2
    backbone_name = innermost_backbone(model)
    kinds = dict.fromkeys((BACKBONE, CONVOLUTION, POINTWISE), 0)
    for name, module in model.named_modules():
        if not isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            continue
        macs = flops.get(prefix + name, 0) // 2
        if backbone_name is not None and name.startswith(backbone_name + '.'):
            kinds[BACKBONE] += macs
        else:
            kinds[CONVOLUTION if max(module.kernel_size) > 1 else POINTWISE] += macs
    kinds[REST] = total - sum(kinds.values())
    return Complexity(sum(p.numel() for p in model.parameters()), kinds)


def innermost_backbone(model: nn.Module) -> str | None:
    """Name of the backbone inside a query encoder, or None if the model has no query encoder."""
    for name in ('backbone.backbone', 'backbone'):
        try:
            module = model.get_submodule(name)
        except AttributeError:
            continue
        if type(module).__name__ != 'QueryEncoder':
            return name
    return None
