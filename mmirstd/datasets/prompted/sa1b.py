"""SA-1B and other images with many masks, as prompts with targets of several granularities."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from mmengine.logging import print_log
from torch.utils.data import Dataset

from mmirstd.datasets.intensity import with_channels
from mmirstd.datasets.labels.rle import AnnotationError, coco_masks, decode, read_codes
from mmirstd.datasets.prompted.mask_sources import Entry, choose, find_coco, find_sa1b, only_listed
from mmirstd.datasets.prompted.prompts import sample_prompts
from mmirstd.datasets.resampling import (
    crop_and_pad,
    crop_offset,
    resize_image,
    resize_mask,
    scaled_size,
)
from mmirstd.io.hashing import digest_of
from mmirstd.io.images.limits import ImageReadError
from mmirstd.io.images.reading import decode_image
from mmirstd.registry import DATASETS
from mmirstd.wording import format_count

INSIDE = 255
"""Value of pixels inside of a mask; fractions of it where masks are coarser than the image."""


class PromptedMaskDataset(Dataset):
    """Images with prompts and the masks that these should find.

    A sample is a function of (``seed``, epoch, index) alone: flip, scale, crop, prompts and the
    replacement of an unusable image. So a resumed run continues with the same data, whatever the
    number of worker processes. The epoch comes with the index: item
    ``epoch * len(dataset) + index``, as :class:`mmirstd.datasets.prompted.sampler.ResumableSampler`
    yields it.

    A sample is ``{'inputs': image, 'data_samples': {...}}``: the BGR image (3, S, S) uint8, and

    - ``boxes`` (N, 4) float32 and ``kinds`` (N,) int64: the prompts, relative to the square;
    - ``targets`` (N, L) int64: for each prompt indices of masks, padded with -1;
    - ``masks`` (M, S / stride, S / stride) uint8: the masks that are targets, 255 inside;
    - ``valid`` (2,) int64: height and width of the square without padding;
    - ``key``: the item, its epoch modulo ``distinct_epochs``: equal keys are equal samples;
    - ``replaced``: reasons for which unusable images were replaced, as ``'size,image'``.

    Args:
        entries: The images.
        size: Side S of the square in pixels.
        num_prompts: Prompts per image, N (Semantic-SAM: 60; the paper gives no number).
        max_levels: Targets per prompt at most, L.
        scale_range: See :class:`mmirstd.RandomScaleCropPad`, whose resampling this is
            (Semantic-SAM: 0.99 to 1.01).
        flip: Probability of mirroring.
        box_share: See :func:`mmirstd.datasets.prompted.prompts.sample_prompts`.
        point_kind: As above.
        jitter: As above.
        mask_stride: Masks are averaged over squares of this side in pixels, to save memory.
        image_pad: Value of padded image pixels, before normalisation; masks are padded with 0.
        seed: Seed of all random draws.
        distinct_epochs: Draws repeat after this many epochs, as a cache of the teacher needs; with
            None they never do.
        max_replacements: Largest number of unusable images in a row.
        names: List file or names of images to keep.
        indices: Use the first n of these images for a number n, or those with these indices.

    Raises:
        FileNotFoundError: The list of names does not exist.
        ValueError: An argument is out of its range.
        ImportError: pycocotools is missing.
    """

    def __init__(
        self,
        entries: Sequence[Entry],
        *,
        size: int = 1024,
        num_prompts: int = 60,
        max_levels: int = 6,
        scale_range: tuple[float, float] = (0.99, 1.01),
        flip: float = 0.5,
        box_share: float = 0.0,
        point_kind: int = 0,
        jitter: float = 0.4,
        mask_stride: int = 1,
        image_pad: float = 128,
        seed: int = 0,
        distinct_epochs: int | None = None,
        max_replacements: int = 20,
        names: str | Sequence[str] | None = None,
        indices: int | Sequence[int] | None = None,
    ) -> None:
        coco_masks()
        if size < 1 or size % 32:
            raise ValueError(f'size={size} must be a multiple of 32, the coarsest stride')
        if mask_stride < 1 or size % mask_stride:
            raise ValueError(f'mask_stride={mask_stride} must divide size={size}')
        if num_prompts < 1 or max_levels < 1:
            raise ValueError(f'num_prompts={num_prompts}, max_levels={max_levels}: at least 1')
        if point_kind not in (0, 1):
            raise ValueError(f'point_kind={point_kind} must be 0 or 1')
        if distinct_epochs is not None and distinct_epochs < 1:
            raise ValueError(f'distinct_epochs={distinct_epochs} must be at least 1 or None')
        if names is not None:
            entries = only_listed(entries, names)
        self.entries = choose(entries, indices)
        self.size, self.mask_stride, self.image_pad = size, mask_stride, image_pad
        self.scale_range, self.flip = tuple(scale_range), flip
        self.num_prompts = num_prompts
        self.prompt_options = {
            'max_levels': max_levels,
            'box_share': box_share,
            'point_kind': point_kind,
            'jitter': jitter,
        }
        self.seed, self.distinct_epochs = seed, distinct_epochs
        self.max_replacements = max_replacements
        self.metainfo: dict = {}

    def __len__(self) -> int:
        return len(self.entries)

    def description(self) -> dict:
        """What prompts and images depend on, as plain values: identifies a cache."""
        return {
            'images': len(self.entries),
            'names': digest_of([entry.name for entry in self.entries]),
            'size': self.size,
            'image_pad': self.image_pad,
            'num_prompts': self.num_prompts,
            'scale_range': list(self.scale_range),
            'flip': self.flip,
            'seed': self.seed,
            **self.prompt_options,
        }

    def __getitem__(self, number: int) -> dict:
        epoch, index = divmod(number, len(self.entries))
        if self.distinct_epochs is not None:
            epoch %= self.distinct_epochs
        wanted, replaced = index, []
        for attempt in range(self.max_replacements + 1):
            rng = np.random.default_rng((self.seed, epoch, wanted, attempt))
            if attempt:
                index = int(rng.integers(len(self.entries)))
            try:
                sample = self._sample(self.entries[index], rng)
            except (AnnotationError, ImageReadError, OSError) as error:
                replaced.append(getattr(error, 'reason', 'image'))
                print_log(
                    f'{type(self).__name__}: image replaced: {error}',
                    logger='current',
                    level=logging.WARNING,
                )
                continue
            key = epoch * len(self.entries) + wanted
            sample['data_samples'] |= {'key': key, 'replaced': ','.join(replaced)}
            return sample
        raise RuntimeError(
            f'{format_count(len(replaced), "unusable image")} in a row ({", ".join(replaced)}); '
            f'the last one: {self.entries[index].name}. Is data_root the right folder?'
        )

    def _sample(self, entry: Entry, rng: np.random.Generator) -> dict:
        image = decode_image(entry.image.read(), f'{entry.name.removesuffix(".jpg")}.jpg')
        image = with_channels(image, 3)
        codes = read_codes(entry.read_annotations(), image.shape[:2], entry.name)
        image, masks, valid = self._augment(image, codes, rng)
        if not len(masks):
            raise AnnotationError('crop', f'{entry.name}: no mask is left in the crop')
        prompts = sample_prompts(masks, self.num_prompts, rng, **self.prompt_options)
        used, inverse = np.unique(prompts.targets, return_inverse=True)
        padded = int(used[0] == -1)
        targets = inverse.reshape(prompts.targets.shape) - padded
        return {
            'inputs': torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))),
            'data_samples': {
                'boxes': torch.from_numpy(prompts.boxes),
                'kinds': torch.from_numpy(prompts.kinds),
                'targets': torch.from_numpy(targets),
                'masks': torch.from_numpy(self._coarse(masks[used[padded:]])),
                'valid': torch.tensor(valid),
            },
        }

    def _augment(
        self, image: np.ndarray, codes: list[dict], rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, tuple[int, int]]:
        """Flip, resize, crop, pad; masks (M, S, S) that are not empty, and the valid area."""
        mirrored = rng.random() < self.flip
        low, high = self.scale_range
        scale, position = rng.uniform(low, high), rng.random()
        size = scaled_size(image.shape[:2], self.size, scale)
        offset = crop_offset(size, self.size, position)
        step = -1 if mirrored else 1
        image = crop_and_pad(
            resize_image(np.ascontiguousarray(image[:, ::step]), size),
            offset,
            self.size,
            self.image_pad,
        )
        masks = []
        for code in codes:  # one at a time: all at the size of the file would take gigabytes
            mask = resize_mask(np.ascontiguousarray(decode(code)[:, ::step]), size)
            mask = crop_and_pad(mask, offset, self.size, 0)
            if mask.any():
                masks.append(mask)
        valid = (min(size[0], self.size), min(size[1], self.size))
        return image, np.array(masks), valid

    def _coarse(self, masks: np.ndarray) -> np.ndarray:
        if self.mask_stride == 1:
            return masks * np.uint8(INSIDE)
        side = self.size // self.mask_stride
        cells = masks.reshape(len(masks), side, self.mask_stride, side, self.mask_stride)
        return np.round(cells.mean(axis=(2, 4)) * INSIDE).astype(np.uint8)


@DATASETS.register_module()
class SA1BDataset(PromptedMaskDataset):
    """SA-1B as it is released: archives, unpacked or not.

    Args:
        data_root: Folder with ``sa_NNNNNN.tar`` or folders of that name.
        shards: Which of them, as ``'20-29,130'`` or numbers; None takes all that exist. The
            default is the 1 % of EdgeSAM; the paper trains on 1 % and does not say which.
        missing: ``'drop'`` leaves out shards that do not exist.
        **options: See :class:`PromptedMaskDataset`.

    Raises:
        FileNotFoundError: The folder or shards do not exist.
    """

    def __init__(
        self,
        data_root: str,
        *,
        shards: str | Iterable[int] | None = '20-29',
        missing: str = 'error',
        **options: object,
    ) -> None:
        entries, single = find_sa1b(data_root, shards, missing=missing)
        if single:
            print_log(
                f'SA1BDataset: left out because the partner is missing in {data_root}: '
                f'{format_count(len(single), "file")}, such as {", ".join(single[:3])}',
                logger='current',
                level=logging.WARNING,
            )
        super().__init__(entries, **options)
        print_log(
            f'SA1BDataset: {format_count(len(self), "image")} of {data_root}', logger='current'
        )


@DATASETS.register_module()
class COCOMaskDataset(PromptedMaskDataset):
    """Masks of any COCO-style instance file; classes are ignored, crowds left out.

    Args:
        ann_file: The JSON file.
        image_dir: Folder that its file names are relative to; the folder of ``ann_file`` by
            default.
        **options: See :class:`PromptedMaskDataset`.

    Raises:
        FileNotFoundError: A file or folder is missing.
        ValueError: The file is of another format.
    """

    def __init__(self, ann_file: str, image_dir: str | None = None, **options: object) -> None:
        super().__init__(find_coco(ann_file, image_dir or Path(ann_file).parent), **options)
        print_log(
            f'COCOMaskDataset: {format_count(len(self), "image")} of {ann_file}', logger='current'
        )
