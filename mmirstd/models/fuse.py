"""Re-parameterisation for inference: the same outputs from fewer layers."""

from __future__ import annotations

import inspect
from copy import deepcopy

from torch import nn


def fuse_for_inference(model: nn.Module) -> nn.Module:
    """A copy of ``model`` in eval mode with batch norms and RepViT's branches folded.

    Every module with a method ``fuse()`` is replaced by what it returns: timm's RepViT blocks
    and :class:`~mmirstd.models.layers.conv.ConvBNGELU`. (timm's own ``reparameterize_model``
    does the same but takes a sub-module that is merely called ``fuse`` for a method.)

    The copy cannot be trained and its state dict has other keys: save the original.
    """
    model = deepcopy(model).eval()
    _fuse_children(model)
    return model


def _fuse_children(module: nn.Module) -> None:
    for name, child in module.named_children():
        if inspect.ismethod(getattr(child, 'fuse', None)):
            setattr(module, name, child.fuse())
        else:
            _fuse_children(child)
