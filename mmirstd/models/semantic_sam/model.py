"""The complete Semantic-SAM: backbone, pixel decoder, interactive decoder.

Shapes: B images, N prompts, K granularities, H x W size of the padded image.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmengine.model import BaseModule
from torch import Tensor, nn

from mmirstd.models.layers.feature_maps import pad_to_multiple
from mmirstd.models.semantic_sam.mask_decoder import (
    SemanticSAMMaskDecoder,
    SemanticSAMOutput,
)
from mmirstd.models.semantic_sam.pixel_decoder import SemanticSAMPixelDecoder
from mmirstd.registry import MODELS

SIZE_MULTIPLE = 32
"""Sides of images are padded to multiples of this."""

PIXEL_MEAN, PIXEL_STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
"""Normalisation of the published models, for RGB values in 0..255."""


@MODELS.register_module()
class SemanticSAM(BaseModule):
    """Semantic-SAM (Li et al., 2023) without its language part, as released for SA-1B.

    Its state dict equals the output of ``mmirstd convert semantic-sam``, except for the prefix
    ``decode_head.`` of the two decoders in the segmentor of ``configs/semantic_sam``. Files of the
    segmentor load here without changes.

    Args:
        backbone: Config of a backbone with maps at strides 4, 8, 16 and 32, such as MMSeg's
            ``SwinTransformer``, whose type is looked up in MMSeg's registry; or the backbone
            itself.
        pixel_decoder: The module, or arguments of
            :class:`~mmirstd.models.semantic_sam.pixel_decoder.SemanticSAMPixelDecoder`;
            ``in_channels`` may be left out if the backbone has ``num_features``, as Swin has.
        mask_decoder: The module, or arguments of
            :class:`~mmirstd.models.semantic_sam.mask_decoder.SemanticSAMMaskDecoder`;
            ``embed_dims`` is that of the pixel decoder.
        init_cfg: MMEngine's initialisation.
    """

    def __init__(
        self,
        backbone: dict | nn.Module,
        pixel_decoder: dict | SemanticSAMPixelDecoder | None = None,
        mask_decoder: dict | SemanticSAMMaskDecoder | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.backbone = backbone if isinstance(backbone, nn.Module) else MODELS.build(backbone)
        if not isinstance(pixel_decoder, SemanticSAMPixelDecoder):
            sizes = dict(pixel_decoder or {})
            if hasattr(self.backbone, 'num_features'):
                sizes.setdefault('in_channels', self.backbone.num_features)
            pixel_decoder = SemanticSAMPixelDecoder(**sizes)
        if not isinstance(mask_decoder, SemanticSAMMaskDecoder):
            mask_decoder = SemanticSAMMaskDecoder(pixel_decoder.embed_dims, **(mask_decoder or {}))
        self.pixel_decoder, self.mask_decoder = pixel_decoder, mask_decoder

    def extract_features(self, images: Tensor) -> tuple[Tensor, ...]:
        """Maps of the backbone.

        Args:
            images: Normalised RGB images (B, 3, H, W). Sides that are not multiples of 32 are
                padded with zeros at the right and bottom; prompts then refer to the padded image.

        Returns:
            Four maps (B, C_i, H / s, W / s) at strides s = 4, 8, 16, 32.
        """
        images = pad_to_multiple(images, SIZE_MULTIPLE, mode='constant')
        # The segmentor's encoder would stretch them to a square first.
        return tuple(getattr(self.backbone, 'encode', self.backbone)(images))

    def decode(
        self,
        features: Sequence[Tensor],
        boxes: Tensor,
        kinds: Tensor,
        independent: bool = True,
        *,
        auxiliary: bool = True,
    ) -> SemanticSAMOutput:
        """Predict masks for prompts.

        Args:
            features: The result of :meth:`extract_features`, or maps with the same channels.
            boxes: Prompts (B, N, 4), (centre x, centre y, width, height) in [0, 1] of the padded
                image. A point is a tiny box.
            kinds: Row of ``mask_decoder.pb_embedding`` for each prompt (B, N). The authors'
                evaluation uses 0 for points, their released training code 1.
            independent: False lets the prompts of an image attend to each other; see
                :class:`~mmirstd.models.semantic_sam.mask_decoder.SemanticSAMMaskDecoder`.
            auxiliary: Whether to compute the outputs of the earlier layers, too.

        Returns:
            Masks (B, N, K, H / 4, W / 4), predicted IoUs (B, N, K) and boxes (B, N, K, 4).
        """
        mask_features, memory = self.pixel_decoder(features)
        return self.mask_decoder(
            mask_features, memory, boxes, kinds, independent=independent, auxiliary=auxiliary
        )

    def forward(
        self,
        images: Tensor,
        boxes: Tensor,
        kinds: Tensor,
        independent: bool = True,
        *,
        auxiliary: bool = True,
    ) -> SemanticSAMOutput:
        """:meth:`decode` of :meth:`extract_features`."""
        features = self.extract_features(images)
        return self.decode(features, boxes, kinds, independent, auxiliary=auxiliary)

    def _load_from_state_dict(
        self, state_dict: dict[str, Tensor], prefix: str, *args: Any, **kwargs: Any
    ) -> None:
        # In a segmentor, the decoders are in the head.
        head = f'{prefix}decode_head.'
        for key in [key for key in state_dict if key.startswith(head)]:
            state_dict[prefix + key.removeprefix(head)] = state_dict.pop(key)
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)
