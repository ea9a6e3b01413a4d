"""Refuse weights of another model, which MMEngine would leave out of the model."""

from __future__ import annotations

from mmengine.hooks import Hook
from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.runner import BaseLoop, Runner
from torch import Tensor

from mmirstd.checkpoints import check_fit
from mmirstd.registry import HOOKS


@HOOKS.register_module()
class CheckpointFitHook(Hook):
    """Refuse a checkpoint that does not fit the model, which MMEngine only logs.

    Testing, validating and resuming need every weight. Training may start from a part of a model
    (``load_from``), so one weight that fits is enough.
    """

    priority = 'VERY_LOW'  # after EMAHook has chosen the weights

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Compare names and shapes.

        Raises:
            ValueError: The checkpoint does not fit; the message names the file and the weights.
        """
        model = runner.model
        while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
            model = model.module
        own = model.state_dict()
        state = {
            str(key).removeprefix('module.'): value
            for key, value in checkpoint.get('state_dict', checkpoint).items()
            if isinstance(value, Tensor)
        }
        source = str(runner._load_from or f'The last checkpoint of {runner.work_dir}')
        starting = isinstance(runner._train_loop, BaseLoop) and not runner._resume
        if not starting:
            check_fit(state, own, source)
        elif own and not any(k in own and state[k].shape == own[k].shape for k in state):
            raise ValueError(
                f'{source}: none of its weights ({len(state)}) fits the model of '
                'this config, so training would silently start from random weights. Convert it '
                '(tools/convert_checkpoint.py) or leave load_from out.'
            )
