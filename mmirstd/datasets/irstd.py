"""One dataset class for every infrared small-target dataset."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from mmengine.logging import print_log
from mmseg.datasets import BaseSegDataset

from mmirstd.datasets.labels.formats import labels_hint
from mmirstd.datasets.layouts.pairing import Pair
from mmirstd.datasets.selection import Selection, select_pairs
from mmirstd.registry import DATASETS
from mmirstd.renamed import accept_old_arguments


@DATASETS.register_module()
@accept_old_arguments(image_tail='image_suffix', mask_tail='mask_suffix')
class IRSTDDataset(BaseSegDataset):
    """Infrared images with masks of small targets, in any layout of their distributors.

    Samples contain ``img_path``, ``dataset`` (title of the dataset, or the name of its folder),
    ``seg_map_path`` (absent for images without masks) and, for a mask declared to be published at
    another size than its image, ``mismatched_mask_shape``.

    Args:
        data_root: Folder of the dataset, as it was downloaded or unpacked.
        split: Name of a published split ('nudt/dnanet_50_50_test', see
            :mod:`mmirstd.datasets.splits`), a text file relative to ``data_root`` or the working
            directory ('50_50/test.txt'), a folder of a layout with one folder per split
            ('test'), or None for all images.
        layout: 'auto' or a name in :data:`mmirstd.datasets.layouts.LAYOUTS`.
        dataset: Which dataset it is ('mdfa', 'NUST-SIRST', ...), for its declared defects. By
            default it is derived from the split, the layout or the name of the folder.
        image_dir: Image folder of a custom layout, relative to ``data_root``; replaces
            ``layout``.
        mask_dir: Mask folder of a custom layout; None for images without masks.
        image_suffix: Suffix of image stems in a custom layout, e.g. '_1'.
        mask_suffix: Suffix of mask stems in a custom layout, e.g. '_mask'.
        exclude: Names to leave out, or the path of a list of them.
        missing: What to do about listed files that are absent and not declared damaged: 'error',
            or 'drop' to leave them out with a warning (partial downloads).
        test_mode: Whether samples are for testing; required for images without masks.
        metainfo: Additional meta information.
        pipeline: Steps that turn a sample into model inputs.
        indices: Use the first n samples for a number n, or those with these indices.
        serialize_data: Share samples among data loader workers.
        lazy_init: Search for files at first use instead of immediately.
        max_refetch: How often a training sample that the pipeline drops is replaced.

    Raises:
        FileNotFoundError: The folder, the list or listed files do not exist; all are named.
        ValueError: Unknown layout, split or dataset, no images, images without masks outside of
            ``test_mode``, or names that fit several files.
    """

    METAINFO = {  # noqa: RUF012 - MMEngine's interface
        'classes': ('background', 'target'),
        'palette': [[0, 0, 0], [255, 0, 0]],
    }

    def __init__(
        self,
        data_root: str,
        split: str | None = None,
        *,
        layout: str = 'auto',
        dataset: str | None = None,
        image_dir: str | None = None,
        mask_dir: str | None = None,
        image_suffix: str = '',
        mask_suffix: str = '',
        exclude: Sequence[str] | str | None = None,
        missing: str = 'error',
        test_mode: bool = False,
        metainfo: dict | None = None,
        pipeline: Sequence[dict | Callable] = (),
        indices: int | Sequence[int] | None = None,
        serialize_data: bool = True,
        lazy_init: bool = False,
        max_refetch: int = 1000,
    ) -> None:
        self.selection_args = {
            'split': split,
            'layout': layout,
            'dataset': dataset,
            'image_dir': image_dir,
            'mask_dir': mask_dir,
            'image_suffix': image_suffix,
            'mask_suffix': mask_suffix,
            'exclude': exclude,
            'missing': missing,
        }
        super().__init__(
            data_root=str(data_root),
            data_prefix={},
            metainfo=metainfo,
            pipeline=list(pipeline),
            indices=indices,
            serialize_data=serialize_data,
            test_mode=test_mode,
            lazy_init=lazy_init,
            max_refetch=max_refetch,
        )
        if self.label_map is not None:
            raise ValueError(
                f'the classes are always {self.METAINFO["classes"]}, got metainfo={metainfo!r}'
            )

    def load_data_list(self) -> list[dict]:
        """Find the files of all samples and log what was left out."""
        selection = select_pairs(Path(self.data_root), **self.selection_args)
        unlabelled = [pair.image for pair in selection.pairs if pair.mask is None]
        if unlabelled and not self.test_mode:
            raise ValueError(
                f'{self.data_root} has images without masks (layout {selection.layout.name!r}: '
                f'{selection.layout.contents}), such as {unlabelled[0]}. Training needs masks; '
                f'for inference set test_mode=True. {labels_hint(selection.root)}'.rstrip()
            )
        self._log(selection)
        return [self._sample(pair, selection) for pair in selection.pairs]

    def _log(self, selection: Selection) -> None:
        print_log(f'IRSTDDataset: {selection.summary()}', logger='current')
        for warning in selection.warnings:
            print_log(f'IRSTDDataset: {warning}', logger='current', level=logging.WARNING)

    def _sample(self, pair: Pair, selection: Selection) -> dict:
        sample = {
            'img_path': str(pair.image),
            'dataset': selection.dataset.title if selection.dataset else selection.root.name,
            'label_map': self.label_map,
            'reduce_zero_label': self.reduce_zero_label,
            'seg_fields': [],
        }
        if pair.mask is not None:
            sample['seg_map_path'] = str(pair.mask)
        if pair.name in selection.mismatched_masks:
            sample['mismatched_mask_shape'] = selection.mismatched_masks[pair.name]
        return sample
