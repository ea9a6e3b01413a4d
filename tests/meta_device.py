"""Building models without memory."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from unittest import mock

import torch


@contextmanager
def on_meta_device() -> Iterator[None]:
    """Tensors have shapes and no values, but for those that MMSeg's Swin needs while it is built.

    It reads the rates of its stochastic depth from a tensor. Nothing is cast automatically, which
    PyTorch cannot do on this device.
    """
    linspace = torch.linspace

    def on_cpu(*args: float, **kwargs: object) -> torch.Tensor:
        return linspace(*args, **{**kwargs, 'device': 'cpu'})

    def no_autocast(*args: object, **kwargs: object) -> nullcontext:
        return nullcontext()

    with (
        torch.device('meta'),
        mock.patch('torch.linspace', on_cpu),
        mock.patch('torch.autocast', no_autocast),
    ):
        yield
