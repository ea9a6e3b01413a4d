"""MMEngine's runner with a quiet terminal."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.device import get_device
from mmengine.dist import init_dist, is_distributed, is_main_process
from mmengine.logging import MMLogger
from mmengine.model import MMDistributedDataParallel, convert_sync_batchnorm, is_model_wrapper
from mmengine.runner import BaseLoop, Runner
from torch import nn

from mmirstd.engine.console import make_console, quieten, verbose
from mmirstd.engine.progress import ProgressHook
from mmirstd.engine.small_sets import require_batches
from mmirstd.io.held_warnings import hold_warnings, release_held
from mmirstd.registry import RUNNERS


@RUNNERS.register_module()
class QuietRunner(Runner):
    """MMEngine's ``Runner`` that prints one page instead of hundreds of lines.

    Several processes also work on machines without an accelerator.

    Environment, config, hooks, options of every parameter and initialisation are written only to
    the log file. The screen shows data, model, schedule, one line per epoch with the scores, and
    where the results are. ``runner_type='mmirstd.QuietRunner'`` in a config selects it for `mim
    train`; ``runner_type='Runner'``, ``MMIRSTD_VERBOSE=1`` or `mmirstd train --verbose` show
    everything.
    """

    def setup_env(self, env_cfg: dict) -> None:
        """Set up processes as MMEngine does; without an accelerator they use gloo."""
        if self.distributed and not is_distributed() and get_device() == 'cpu':
            join_on_cpu(self.launcher, env_cfg.get('dist_cfg', {}).get('timeout'))
        super().setup_env(env_cfg)

    def wrap_model(self, model_wrapper_cfg: dict | None, model: nn.Module) -> nn.Module:
        """Wrap the model as MMEngine does, but also without an accelerator."""
        stock = not self.distributed or get_device() != 'cpu' or is_model_wrapper(model)
        if stock or model_wrapper_cfg is not None:
            return super().wrap_model(model_wrapper_cfg, model)
        if self.cfg.get('sync_bn') is not None:
            model = convert_sync_batchnorm(model, self.cfg.sync_bn)
        return MMDistributedDataParallel(
            module=model,
            device_ids=None,
            broadcast_buffers=False,
            find_unused_parameters=self.cfg.get('find_unused_parameters', False),
        )

    def build_logger(self, *args: Any, **kwargs: Any) -> MMLogger:
        """Build the logger as MMEngine does, then keep its lines off the screen."""
        logger = super().build_logger(*args, **kwargs)
        self.progress = None
        if not verbose():
            console = make_console()
            screen = quieten(logger, console)
            release_held(logger.handlers)
            hold_warnings()
            if is_main_process():
                self.progress = ProgressHook(console, screen)
        return logger

    def register_hooks(self, *args: Any, **kwargs: Any) -> None:
        """Register the hooks of the config, then the hook that prints the progress."""
        super().register_hooks(*args, **kwargs)
        if self.progress is not None:
            self.register_hook(self.progress)

    def build_train_loop(self, loop: BaseLoop | dict) -> BaseLoop:
        """Build the loop, and refuse a training set without a single batch."""
        built = super().build_train_loop(loop)
        require_batches(built.dataloader)
        return built

    def train(self) -> nn.Module:
        """Train."""
        self._introduce()
        return super().train()

    def test(self) -> dict[str, float]:
        """Test."""
        self._introduce()
        return super().test()

    def _introduce(self) -> None:
        if self.progress is not None:
            self.progress.introduce(self)


def join_on_cpu(launcher: str, timeout: int | None = None) -> None:
    """Connect this process with the others of a ``launcher`` through gloo.

    MMEngine first chooses a GPU for each process, which fails without a GPU. A process waits
    ``timeout`` seconds for the others; None is PyTorch's default.
    """
    options = {} if timeout is None else {'timeout': timeout}
    choose_device, torch.cuda.set_device = torch.cuda.set_device, lambda device: None
    try:
        init_dist(launcher, backend='gloo', **options)
    finally:
        torch.cuda.set_device = choose_device
