"""Segments with one click each, on which promptable models are tested."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch.utils.data import Dataset

from mmirstd.datasets.intensity import with_channels
from mmirstd.datasets.labels.rle import decode, read_codes
from mmirstd.datasets.prompted.mask_sources import choose, find_sa1b
from mmirstd.datasets.prompted.prompts import click_boxes, interior_click
from mmirstd.datasets.resampling import Size, resize_image, resize_mask
from mmirstd.io.images.reading import decode_image
from mmirstd.registry import DATASETS


def edge_size(size: Size, short_edge: int, long_edge: int) -> Size:
    """Size with a short side of ``short_edge``, or less if the long side would exceed its limit."""
    ratio = min(short_edge / min(size), long_edge / max(size))
    height, width = (max(round(side * ratio), 1) for side in size)
    return height, width


class ClickDataset(Dataset):
    """Images with all their segments and one click inside of each.

    A sample is ``{'inputs': image, 'data_samples': {...}}``: the BGR image (3, H, W) uint8,
    ``boxes`` (N, 4) and ``kinds`` (N,) of the clicks, ``masks`` (N, H, W) uint8, ``valid`` (2,),
    the height and width. N differs: use batches of one image.

    Args:
        short_edge: Length of the short side after resizing; None keeps the images.
        long_edge: Limit of the long side.
        point_kind: Kind of the clicks; 0 in the evaluation of Semantic-SAM.
    """

    def __init__(
        self, *, short_edge: int | None = 800, long_edge: int = 1333, point_kind: int = 0
    ) -> None:
        self.short_edge, self.long_edge, self.point_kind = short_edge, long_edge, point_kind
        self.metainfo: dict = {}

    def read(self, index: int) -> tuple[np.ndarray, Iterable[np.ndarray]]:
        """BGR image (H, W, 3) and the masks (H, W), uint8 of 0 and 1, of its segments."""
        raise NotImplementedError

    def __getitem__(self, index: int) -> dict:
        image, masks = self.read(index)
        image = with_channels(image, 3)
        size = image.shape[:2]
        if self.short_edge is not None:
            size = edge_size(size, self.short_edge, self.long_edge)
        resized = (resize_mask(mask, size) for mask in masks)
        kept = [mask for mask in resized if mask.any()]
        clicks = np.array([interior_click(mask) for mask in kept]).reshape(-1, 2)
        return {
            'inputs': torch.from_numpy(
                np.ascontiguousarray(resize_image(image, size).transpose(2, 0, 1))
            ),
            'data_samples': {
                'boxes': torch.from_numpy(click_boxes(clicks, size)),
                'kinds': torch.full((len(kept),), self.point_kind),
                'masks': torch.from_numpy(np.array(kept, np.uint8).reshape(-1, *size)),
                'valid': torch.tensor(size),
            },
        }


@DATASETS.register_module()
class SA1BClicks(ClickDataset):
    """Clicks on the masks of SA-1B, or of any set in its format.

    Args:
        data_root: See :class:`mmirstd.SA1BDataset`.
        shards: See :class:`mmirstd.SA1BDataset`. EdgeSAM keeps shard 130 for validation.
        indices: Use the first n images for a number n, or those with these indices.
        **options: See :class:`ClickDataset`.
    """

    def __init__(
        self,
        data_root: str,
        *,
        shards: str | Iterable[int] | None = '130',
        indices: int | Sequence[int] | None = None,
        **options: object,
    ) -> None:
        super().__init__(**options)
        entries, _ = find_sa1b(data_root, shards)
        self.entries = choose(entries, indices)

    def __len__(self) -> int:
        return len(self.entries)

    def read(self, index: int) -> tuple[np.ndarray, Iterable[np.ndarray]]:
        """One image and its masks."""
        entry = self.entries[index]
        image = decode_image(entry.image.read(), f'{entry.name}.jpg')
        codes = read_codes(entry.read_annotations(), image.shape[:2], entry.name)
        return image, (decode(code) for code in codes)
