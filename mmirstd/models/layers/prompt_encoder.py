"""Encoding points, boxes and masks as prompts of a SAM-like mask decoder.

Shapes: B prompts, P points of a prompt, Q sparse tokens, D width of the decoder.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mmirstd.models.layers.position import FourierPosition
from mmirstd.models.layers.sam import MaskPromptEncoder
from mmirstd.wording import format_count

PADDING, BACKGROUND, TARGET, TOP_LEFT, BOTTOM_RIGHT = -1, 0, 1, 2, 3
"""Labels of points."""


class SAMPromptEncoder(nn.Module):
    """Prompt encoder of SAM, SAM-HQ and MobileSAM; parameter names are SAM's.

    Args:
        embed_dims: Width D of the decoder.
        mask_dims: Hidden widths of the mask prompt.
    """

    accepts_masks = True

    def __init__(self, embed_dims: int = 256, mask_dims: tuple[int, int] = (4, 16)) -> None:
        super().__init__()
        self.embed_dims = embed_dims
        self.pe_layer = FourierPosition(embed_dims // 2)
        # By label: background, target, top left and bottom right corner of a box.
        self.point_embeddings = nn.ModuleList(nn.Embedding(1, embed_dims) for _ in range(4))
        self.not_a_point_embed = nn.Embedding(1, embed_dims)
        self.mask_downscaling = MaskPromptEncoder(embed_dims, mask_dims)
        self.no_mask_embed = nn.Embedding(1, embed_dims)

    def forward(
        self,
        points: Tensor | None = None,
        labels: Tensor | None = None,
        boxes: Tensor | None = None,
        masks: Tensor | None = None,
        *,
        image_size: tuple[int, int],
    ) -> tuple[Tensor, Tensor | None]:
        """Encode one prompt per row; any part may be absent, and also all of them.

        Args:
            points: (B, P, 2), (x, y) in pixels of the encoder's image. Integers are the
                top left corners of pixels; half a pixel is added.
            labels: (B, P): 1 target, 0 background, -1 padding.
            boxes: (B, 4), (x1, y1, x2, y2) in the same pixels.
            masks: Logits (B, 1, 4 h, 4 w) for an image embedding of h x w.
            image_size: (height, width) of the encoder's image.

        Returns:
            Sparse tokens (B, Q, D), with Q = 0 and B = 1 if there is neither point nor box, and
            the dense prompt, which is added to the image embedding: (B, D, h, w) of the mask, or
            (1, D, 1, 1) without one.

        Raises:
            ValueError: Points without labels, an unknown label, or shapes that do not fit.
        """
        _check(points, labels, boxes, known=(PADDING, BACKGROUND, TARGET))
        if (
            points is not None and labels is not None and boxes is None
        ):  # SAM was trained with padding after clicks
            points = torch.cat([points, torch.zeros_like(points[:, :1])], dim=1)
            labels = torch.cat([labels, torch.full_like(labels[:, :1], PADDING)], dim=1)
        points, labels = _with_corners(points, labels, boxes)
        if points is None:
            sparse = self.no_mask_embed.weight.new_zeros(1, 0, self.embed_dims)
        else:
            sparse = self._embed(points, labels, image_size)
        if masks is None:
            return sparse, self.no_mask_embed.weight[..., None, None]
        return sparse, self.mask_downscaling(masks)

    def _embed(self, points: Tensor, labels: Tensor, image_size: tuple[int, int]) -> Tensor:
        position = self.pe_layer.encode(_relative(points, image_size))
        tokens = position.to(self.no_mask_embed.weight.dtype)
        tokens = tokens.masked_fill((labels == PADDING)[..., None], 0)
        # A table indexed by label; the padding label -1 reads its last row.
        table = torch.cat(
            [each.weight for each in (*self.point_embeddings, self.not_a_point_embed)]
        )
        return tokens + table[labels.long()]

    def used_parts(self, prompt: str) -> list[nn.Module]:
        """Modules whose parameters have an effect with this fixed prompt: 'none' or 'full_box'."""
        corners = list(self.point_embeddings[TOP_LEFT:]) if prompt == 'full_box' else []
        return [self.no_mask_embed, *corners]


class EfficientSAMPromptEncoder(nn.Module):
    """Prompt encoder of EfficientSAM, which accepts target points and boxes but no masks.

    Every prompt is padded with invalid points to the same length. Unlike SAM's padding, they keep
    the position encoding of their coordinate, -1. Parameter names are EfficientSAM's.

    Args:
        embed_dims: Width D of the decoder.
        num_points: Length to which prompts are padded.
    """

    accepts_masks = False

    def __init__(self, embed_dims: int = 256, num_points: int = 6) -> None:
        super().__init__()
        self.embed_dims = embed_dims
        self.num_points = num_points
        self.pe_layer = FourierPosition(embed_dims // 2)
        self.invalid_points = nn.Embedding(1, embed_dims)
        self.point_embeddings = nn.Embedding(1, embed_dims)
        self.bbox_top_left_embeddings = nn.Embedding(1, embed_dims)
        self.bbox_bottom_right_embeddings = nn.Embedding(1, embed_dims)

    def forward(
        self,
        points: Tensor | None = None,
        labels: Tensor | None = None,
        boxes: Tensor | None = None,
        masks: Tensor | None = None,
        *,
        image_size: tuple[int, int],
    ) -> tuple[Tensor, Tensor | None]:
        """Encode one prompt per row; see :class:`SAMPromptEncoder` for the arguments.

        Returns:
            Sparse tokens (B, num_points, D), with B = 1 without any prompt, and None, because
            EfficientSAM adds nothing to the image embedding.

        Raises:
            ValueError: Mask prompts, background points, or more points than ``num_points``.
        """
        if masks is not None:
            raise ValueError('EfficientSAM takes no mask prompts: give points or a box')
        _check(points, labels, boxes, known=(PADDING, TARGET))
        points, labels = _with_corners(points, labels, boxes)
        weight = self.invalid_points.weight
        if points is None:
            points, labels = weight.new_zeros(1, 0, 2), weight.new_zeros(1, 0)
        missing = self.num_points - points.shape[1]
        if missing < 0:
            raise ValueError(
                f'EfficientSAM takes at most {format_count(self.num_points, "point")} (a box '
                f'counts as two), received {points.shape[1]}'
            )
        b = len(points)
        points = torch.cat([points, points.new_full((b, missing, 2), -1)], dim=1)
        labels = torch.cat([labels, labels.new_full((b, missing), PADDING)], dim=1).long()
        invalid = points.new_full((), -1)
        points = torch.where((labels == PADDING)[..., None], invalid, points)
        table = torch.stack(
            [
                torch.zeros_like(weight[0]),  # background points are refused above
                self.point_embeddings.weight[0],
                self.bbox_top_left_embeddings.weight[0],
                self.bbox_bottom_right_embeddings.weight[0],
                weight[0],  # padding, read by its label -1
            ]
        )
        position = self.pe_layer.encode(_relative(points, image_size))
        return position.to(weight.dtype) + table[labels], None

    def used_parts(self, prompt: str) -> list[nn.Module]:
        """Modules whose parameters matter with this fixed prompt: 'none' or 'full_box'."""
        if prompt == 'full_box':
            corners = [self.bbox_top_left_embeddings, self.bbox_bottom_right_embeddings]
            return [self.invalid_points, *corners]
        return [self.invalid_points] if prompt == 'none' else []


def _relative(points: Tensor, image_size: tuple[int, int]) -> Tensor:
    """Pixel coordinates (..., 2) -> centres of these pixels in [0, 1]."""
    height, width = image_size
    return (points.float() + 0.5) / points.new_tensor([width, height], dtype=torch.float32)


def _with_corners(
    points: Tensor | None, labels: Tensor | None, boxes: Tensor | None
) -> tuple[Tensor | None, Tensor | None]:
    """Append the corners of ``boxes`` (B, 4) to the points as two labelled points."""
    if boxes is None:
        return points, labels
    corners = boxes.unflatten(-1, (2, 2))
    kinds = torch.tensor([[TOP_LEFT, BOTTOM_RIGHT]], device=boxes.device).expand(len(boxes), 2)
    if points is None:
        return corners, kinds
    return (
        torch.cat([points, corners.to(points.dtype)], dim=1),
        torch.cat([labels, kinds.to(labels.dtype)], dim=1),
    )


def _check(
    points: Tensor | None, labels: Tensor | None, boxes: Tensor | None, *, known: tuple[int, ...]
) -> None:
    if (points is None) != (labels is None):
        raise ValueError('points and their labels must be given together')
    if boxes is not None and (boxes.dim() != 2 or boxes.shape[1] != 4):
        raise ValueError(f'boxes must be (B, 4) as x1, y1, x2, y2, got {tuple(boxes.shape)}')
    if points is None:
        return
    if points.dim() != 3 or points.shape[-1] != 2 or labels.shape != points.shape[:2]:
        raise ValueError(
            f'points must be (B, P, 2) and labels (B, P), got {tuple(points.shape)} and '
            f'{tuple(labels.shape)}'
        )
    if boxes is not None and len(boxes) != len(points):
        raise ValueError(
            f'{format_count(len(points), "row")} of points for '
            f'{format_count(len(boxes), "box", "boxes")}: give one row for each box'
        )
    if torch.compiler.is_compiling():
        return
    unknown = sorted({int(label) for label in labels.unique().tolist()} - set(known))
    if unknown:
        raise ValueError(f'point labels {unknown} are not known; this model knows {known}')
