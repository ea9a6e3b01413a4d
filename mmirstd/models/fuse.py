"""Re-parameterisation for inference: the same outputs from fewer layers."""

from __future__ import annotations

import inspect
from copy import deepcopy
from itertools import pairwise

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from mmirstd.models.memory import keep_freed_memory


def fuse_for_inference(model: nn.Module, *, in_place: bool = False) -> nn.Module:
    """``model`` in eval mode with batch norms and RepViT's branches folded.

    Every module with a method ``fuse()`` is replaced by what it returns: timm's RepViT blocks and
    ours. In an ``nn.Sequential`` a convolution takes in the batch norm that follows it. (timm's own
    ``reparameterize_model`` mistakes a sub-module that is merely called ``fuse`` for a method.)
    The one traversal of inference, export and benchmarks.

    Args:
        model: Any model; fusing a fused model changes nothing.
        in_place: Change ``model`` itself instead of a copy, which saves memory.

    Returns:
        The fused model. It cannot be trained and its state dict has other keys: save the original.
    """
    model = (model if in_place else deepcopy(model)).eval()
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    _fuse_children(model)
    return model


def prepare_for_inference(model: nn.Module) -> nn.Module:
    """Fuse ``model`` in place and arrange its memory for inference; outputs stay the same.

    On a CPU convolutions get channels-last weights, so that all maps take that layout (measured
    1.02 to 1.2 times as fast, never slower), and the process keeps freed memory for the next
    image.

    Returns:
        The model, which can no longer be trained.
    """
    model = fuse_for_inference(model, in_place=True)
    if all(parameter.device.type == 'cpu' for parameter in model.parameters()):
        model.to(memory_format=torch.channels_last)
        keep_freed_memory()
    return model


def _fuse_children(module: nn.Module) -> None:
    for name, child in module.named_children():
        if inspect.ismethod(getattr(child, 'fuse', None)):
            setattr(module, name, child.fuse())
        else:
            _fuse_children(child)
    if isinstance(module, nn.Sequential) and type(module).forward is nn.Sequential.forward:
        _fold_norms(module)


def _fold_norms(sequence: nn.Sequential) -> None:
    """Fold every norm that follows a convolution; the numbers of the other layers stay."""
    names = list(sequence._modules)
    for name, following in pairwise(names):
        conv, norm = sequence._modules[name], sequence._modules[following]
        if type(conv) is nn.Conv2d and type(norm) is nn.BatchNorm2d and norm.track_running_stats:
            setattr(sequence, name, fuse_conv_bn_eval(conv, norm))
            setattr(sequence, following, nn.Identity())
