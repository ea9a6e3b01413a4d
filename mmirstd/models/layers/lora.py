"""Low-rank adaptation of linear layers through the ``peft`` library (optional extra ``lora``)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn


def add_lora(
    model: nn.Module,
    *,
    rank: int = 8,
    alpha: float = 16.0,
    dropout: float = 0.0,
    targets: Sequence[str] = ('qkv',),
) -> None:
    """Freeze ``model`` and add trainable low-rank updates to some of its linear layers, in place.

    The updates are initialised to zero, so outputs do not change at first.

    Args:
        model: Module whose linear layers are adapted.
        rank: Rank of the updates.
        alpha: The update is scaled by ``alpha / rank``.
        dropout: Dropout of the input of the updates while training.
        targets: Names of the linear layers, or the last parts of their names.

    Raises:
        ImportError: peft is not installed.
        ValueError: No layer has one of the names.
    """
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError as error:
        raise ImportError("LoRA needs the peft library: pip install 'mmirstd[lora]'") from error
    config = LoraConfig(
        r=rank, lora_alpha=alpha, lora_dropout=dropout, target_modules=list(targets)
    )
    inject_adapter_in_model(config, model)


def merge_lora(model: nn.Module) -> None:
    """Add the low-rank updates to the weights that they adapt and restore the plain layers.

    Afterwards the state dict has the same keys as without LoRA.
    """
    for name, module in list(model.named_modules()):
        if not _is_adapted(module):
            continue
        module.merge()
        parent, _, child = name.rpartition('.')
        setattr(model.get_submodule(parent), child, module.get_base_layer())


def rename_to_adapted(state_dict: dict[str, Tensor], model: nn.Module, prefix: str) -> None:
    """Rename plain weights in ``state_dict`` to the layers inside the adapters of ``model``.

    Args:
        state_dict: Changed in place.
        model: Module with adapters.
        prefix: Name of ``model`` in the state dict, with a dot, or an empty string.
    """
    for name, module in model.named_modules():
        if not _is_adapted(module):
            continue
        for parameter in ('weight', 'bias'):
            plain = f'{prefix}{name}.{parameter}'
            if plain in state_dict:
                state_dict[f'{prefix}{name}.base_layer.{parameter}'] = state_dict.pop(plain)


def _is_adapted(module: nn.Module) -> bool:
    return hasattr(module, 'lora_A') and hasattr(module, 'base_layer')
