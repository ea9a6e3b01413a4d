"""Initialisers of published code that MMEngine does not have."""

from __future__ import annotations

import torch
from mmengine.model.weight_init import initialize
from torch import nn

from mmirstd.registry import WEIGHT_INITIALIZERS


@WEIGHT_INITIALIZERS.register_module()
class WeightsOnly:
    """Apply an initialiser of MMEngine, but keep PyTorch's initial value of every bias.

    MMEngine's initialisers set biases to a constant. The code of DNANet and SCTransNet initialises
    only the weights of convolutions.

    Args:
        init: Config of the initialiser, e.g. ``dict(type='Xavier', layer='Conv2d')``.
    """

    def __init__(self, init: dict) -> None:
        self.init = init

    def __call__(self, module: nn.Module) -> None:
        """Initialise ``module`` and its children in place."""
        biases = {
            name: parameter.detach().clone()
            for name, parameter in module.named_parameters()
            if name.rpartition('.')[2] == 'bias'
        }
        initialize(module, self.init)
        with torch.no_grad():
            for name, bias in biases.items():
                module.get_parameter(name).copy_(bias)
