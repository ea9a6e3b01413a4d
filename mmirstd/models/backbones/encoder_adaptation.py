"""Adapting pre-trained encoders to infrared images: input size, freezing, LoRA."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from mmirstd.models.layers.lora import add_lora, rename_to_adapted


def resize_images(images: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize (N, C, H, W) bilinearly to ``size``, with antialiasing if an axis shrinks."""
    if tuple(images.shape[-2:]) == size:
        return images
    shrinks = images.shape[-2] > size[0] or images.shape[-1] > size[1]
    return F.interpolate(images, size, mode='bilinear', antialias=shrinks)


class EncoderAdaptation(nn.Module):
    """To be inherited before the encoder's own class; see :meth:`configure`.

    Attributes:
        stride: ``img_size`` must be a multiple of it.
        keep_ratio: Whether the published preprocessing keeps the aspect ratio and pads.
    """

    stride = 16
    keep_ratio = True

    def configure(
        self, img_size: int, *, frozen: bool = False, lora: Mapping[str, Any] | None = None
    ) -> None:
        """Store the settings; call this before the encoder's parts are built.

        Args:
            img_size: Side in pixels of the square that images are stretched to.
            frozen: Do not train the encoder: norms keep their statistics, gradients are not stored.
            lora: Arguments of :func:`mmirstd.models.layers.lora.add_lora`: the encoder is frozen
                except for low-rank updates. An empty dict uses the defaults.

        Raises:
            ValueError: ``img_size`` is not a positive multiple of the stride, or both ``frozen``
                and ``lora`` are set.
        """
        if img_size <= 0 or img_size % self.stride:
            raise ValueError(f'img_size={img_size} must be a positive multiple of {self.stride}')
        if frozen and lora is not None:
            raise ValueError('frozen=True leaves nothing for lora to train: set only one of them')
        self.img_size = img_size
        self.frozen = frozen
        self.lora = lora

    def finish(self) -> None:
        """Freeze or adapt the parts of the subclass; call this at the end of its constructor."""
        if self.frozen:
            self.requires_grad_(False)
            self.train()
        if self.lora is not None:
            add_lora(self, **self.lora)

    def train(self, mode: bool = True) -> EncoderAdaptation:
        """Stay in evaluation mode if frozen."""
        super().train(mode and not self.frozen)
        return self  # MMSeg's Swin returns None

    def fit(self, images: Tensor) -> Tensor:
        """Convert images (N, 1 or 3, H, W) to three channels and ``img_size`` x ``img_size``.

        Gray images are repeated. Upsampling is bilinear; downsampling also averages, because a
        target of a few pixels could fall between the samples.
        """
        if images.shape[1] == 1:
            images = images.expand(-1, 3, -1, -1)
        return resize_images(images, (self.img_size, self.img_size))

    def _load_from_state_dict(
        self, state_dict: dict[str, Tensor], prefix: str, *args: Any, **kwargs: Any
    ) -> None:
        # Weights of the plain encoder load into the adapted one.
        if self.lora is not None:
            rename_to_adapted(state_dict, self, prefix)
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)


def check_arch(arch: str, known: Collection[str]) -> None:
    """Raise ValueError unless ``arch`` is one of the known names."""
    if arch not in known:
        raise ValueError(f'arch={arch!r} must be one of {sorted(known)}')
