"""MMEngine's runner with a quiet terminal."""

from __future__ import annotations

from typing import Any

from mmengine.dist import is_main_process
from mmengine.logging import MMLogger
from mmengine.runner import BaseLoop, Runner
from torch import nn

from mmirstd.engine.console import make_console, quieten, verbose
from mmirstd.engine.progress import ProgressHook
from mmirstd.engine.small_sets import require_batches
from mmirstd.io.held_warnings import hold_warnings, release_held
from mmirstd.registry import RUNNERS


@RUNNERS.register_module()
class QuietRunner(Runner):
    """MMEngine's ``Runner`` that shows one page where the stock one prints hundreds of lines.

    Environment, config, hooks, options of every parameter and initialisation go to the log file
    alone. The screen shows data, model, schedule, one line per epoch with the scores, and where
    the results are. ``runner_type='mmirstd.QuietRunner'`` in a config chooses it for `mim train`;
    ``runner_type='Runner'``, ``MMIRSTD_VERBOSE=1`` or `mmirstd train --verbose` show everything.
    """

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
        """Register the hooks of the config, and last the one that prints the progress."""
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
