"""Parts small enough for end-to-end tests; configs import them by `custom_imports`."""

import os
import signal

import torch
from mmengine.hooks import Hook
from mmengine.model import BaseModule
from mmseg.registry import HOOKS, MODELS
from torch import nn


@MODELS.register_module()
class PixelwiseBackbone(BaseModule):
    """1x1 convolutions: finds bright pixels, and commutes with flips exactly.

    Args:
        channels: Output channels.
        jitter: Standard deviation of noise that training adds, to make it depend on random
            numbers.
    """

    def __init__(self, channels: int = 4, jitter: float = 0.0, init_cfg=None):
        super().__init__(init_cfg)
        self.jitter = jitter
        self.layers = nn.Sequential(nn.Conv2d(3, channels, 1), nn.ReLU(inplace=True))

    def forward(self, images):
        if self.training and self.jitter:
            images = images + self.jitter * torch.randn_like(images)
        features = self.layers(images)
        return (features,)


@HOOKS.register_module()
class KillHook(Hook):
    """SIGKILL the own process.

    Args:
        iteration: Number of finished iterations of the whole run to die after.
        write: Die in this atomic write instead (counted from 1): data written, not yet renamed.
    """

    priority = 'LOWEST'  # after the logger

    def __init__(self, iteration: int = -1, write: int = -1):
        self.iteration = iteration
        self.writes_left = write
        if write > 0:
            self.fsync, os.fsync = os.fsync, self.count_write

    def count_write(self, descriptor):
        self.writes_left -= 1
        if self.writes_left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self.fsync(descriptor)

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.iter + 1 == self.iteration:
            os.kill(os.getpid(), signal.SIGKILL)
