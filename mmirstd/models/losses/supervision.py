"""Apply the losses of a head to one map of logits."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


def mask_losses(
    criteria: nn.Module | nn.ModuleList,
    logits: Tensor,
    labels: Tensor,
    ignore_index: int,
    prefix: str = '',
) -> dict[str, Tensor]:
    """Losses by name; the parts of a loss are listed separately if it has ``components``.

    Args:
        criteria: ``loss_decode`` of a head. A loss with ``components`` samples points and takes
            logits of any resolution; for other losses, logits are resized to the labels.
        logits: (N, 1, h, w).
        labels: (N, H, W) with 0 background, 1 target.
        ignore_index: Label of ignored pixels.
        prefix: Prefix of every name.
    """
    losses = {}
    for criterion in criteria if isinstance(criteria, nn.ModuleList) else [criteria]:
        name = f'{prefix}{criterion.loss_name}'
        if hasattr(criterion, 'components'):
            parts = criterion.components(logits, labels, ignore_index)
            losses.update({f'{name}_{part}': value for part, value in parts.items()})
            continue
        if logits.shape[-2:] != labels.shape[-2:]:
            logits = F.interpolate(logits, labels.shape[-2:], mode='bilinear')
        losses[name] = criterion(logits, labels, ignore_index=ignore_index)
    return losses
