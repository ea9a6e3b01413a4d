"""Mixed-precision training on any device, including the CPU."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.device import get_device
from mmengine.optim import AmpOptimWrapper as AcceleratorAmpOptimWrapper
from mmengine.optim import OptimWrapper
from mmseg.registry import OPTIM_WRAPPERS as MMSEG_OPTIM_WRAPPERS

from mmirstd.checkpoints import keeps_mmengine
from mmirstd.registry import OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class AmpOptimWrapper(AcceleratorAmpOptimWrapper):
    """MMEngine's ``AmpOptimWrapper``; on the CPU it uses bfloat16 without loss scaling.

    MMEngine refuses to build its wrapper without an accelerator, although its autocast supports the
    CPU. bfloat16 has the exponent range of float32, so loss scaling is not needed there.
    Checkpoints can be moved between devices in both directions.

    Args:
        loss_scale: ``'dynamic'``, a constant or the arguments of ``GradScaler``; has no effect
            on the CPU.
        dtype: ``'float16'``, ``'bfloat16'`` or None, the device's default (CUDA float16, CPU
            bfloat16).
        **kwargs: For ``OptimWrapper``: optimizer, clip_grad, accumulative_counts.

    Raises:
        ValueError: ``dtype`` is not bfloat16 on the CPU.
    """

    def __init__(
        self,
        loss_scale: str | float | dict = 'dynamic',
        dtype: str | torch.dtype | None = None,
        **kwargs: Any,
    ) -> None:
        if get_device() != 'cpu':
            super().__init__(loss_scale=loss_scale, dtype=dtype, **kwargs)
            return
        if dtype not in (None, 'bfloat16', torch.bfloat16):
            raise ValueError(
                f'optim_wrapper.dtype={dtype}: mixed precision on the CPU computes in bfloat16; '
                'leave dtype out or set it to bfloat16'
            )
        OptimWrapper.__init__(self, **kwargs)
        self.cast_dtype = torch.bfloat16
        self.loss_scaler = torch.amp.GradScaler('cpu', enabled=False)
        self._scale_update_param = None

    def state_dict(self) -> dict[str, Any]:
        """State of the optimiser and, on an accelerator, of the loss scaling."""
        state = super().state_dict()
        if not self.loss_scaler.is_enabled():
            # It is empty, and an accelerator would refuse to resume from an empty state.
            state.pop('loss_scaler')
        return state


if get_device() == 'cpu' and not keeps_mmengine():
    # `mim train ... --amp` writes the plain name 'AmpOptimWrapper', which is looked up in
    # MMSegmentation's registry before MMEngine's. MMEngine's class cannot run here anyway.
    MMSEG_OPTIM_WRAPPERS.register_module(module=AmpOptimWrapper, force=True)
