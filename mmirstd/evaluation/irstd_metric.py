"""The metric of infrared small target detection for MMEngine."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from mmengine.dist import broadcast_object_list, get_dist_info
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from numpy.typing import NDArray

from mmirstd.evaluation.counts import ImageCounts, check_threshold
from mmirstd.evaluation.curves import CURVE_BINS, CURVE_THRESHOLDS
from mmirstd.evaluation.matching import MAX_DISTANCE
from mmirstd.evaluation.output import format_datasets, format_report, save_curves
from mmirstd.evaluation.rates import SIZE_EDGES, as_numbers
from mmirstd.evaluation.scorer import ImageRecord, Scorer
from mmirstd.io.predictions import PredictionWriter
from mmirstd.models.segmentors.data_samples import read_gt_mask, read_prediction
from mmirstd.registry import METRICS
from mmirstd.wording import format_count


@dataclass(frozen=True, slots=True)
class _Record:
    """Names and whole numbers of one image."""

    path: str | None
    dataset: str | None = None
    measured: ImageRecord | None = None
    ignored_only: bool = False


@METRICS.register_module()
class IRSTDMetric(BaseMetric):
    """IoU, nIoU, Pd, Fa, precision, recall and F1 with their absolute counts.

    Reads the outputs of any MMSegmentation segmentor with one output channel (probability of
    target) or two (logits of background and target). Images are scored at the size of prediction
    and ground truth, which is that of the files with MMSegmentation's usual test pipeline. The
    printed table states it.

    Results are named ``irstd/IoU``, ``irstd/nIoU``, ``irstd/Pd``, ``irstd/Precision``,
    ``irstd/Recall``, ``irstd/F1`` (percent), ``irstd/Fa`` (1e-6) and so on, see
    `mmirstd.evaluation.rates.as_numbers`. Select checkpoints with
    ``CheckpointHook(save_best='irstd/IoU', rule='greater')``.

    Args:
        matching: Convention of Pd and Fa: ``'optimal'``, ``'greedy'``, ``'legacy'`` or
            ``'opdc'``, see `mmirstd.evaluation.matching`. Papers of the DNANet family, including
            SimIRSTD, use ``'legacy'``.
        compare: Further conventions, returned as ``irstd/Pd_legacy`` and so on.
        threshold: A pixel is predicted if its probability exceeds this, in [0, 1).
        max_distance: Centroid distance in pixels that a hit must stay strictly below.
        empty_iou: IoU of an image without target and prediction in nIoU: ``'one'``,
            ``'zero'``, or ``'skip'`` to leave it out.
        size_edges: Areas in pixels at which a new bin of target sizes begins.
        fa_pixels_per_image: Fixed denominator of Fa per image; None for the evaluated pixels.
        hierarchy: Also compute hIoU and its losses, returned as ``irstd/hIoU``, ``irstd/Loc_S2M``
            and so on, see `mmirstd.evaluation.hierarchy`.
        ignore_index: Label of pixels that are not evaluated, or None.
        per_dataset: Also score each dataset of a joint dataset. Its name is the ``dataset`` of the
            samples of ``mmirstd.IRSTDDataset`` (add ``'dataset'`` to the ``meta_keys`` of
            ``PackSegInputs``). Returned as ``irstd/<name>/IoU`` and so on, with the means of IoU,
            nIoU, Pd and Fa as ``irstd/mean_IoU`` and so on. The plain names are for all images.
        curves: Also compute pixel ROC and precision-recall curves, returned as
            ``irstd/ROC_AUC_<bins>bins`` and ``irstd/AP_<bins>bins``, and the Pd-Fa curve.
        curve_bins: Bins of the histogram of the pixel curves.
        curve_thresholds: Thresholds of the Pd-Fa curve.
        curve_dir: Folder for the curves as CSV, JSON and PNG; None writes none.
        output_dir: Folder for the predicted masks as PNG with 0 and 255, named like the images.
            ``mim test --out DIR`` sets it.
        output_parents: Number of parent folders of an image that its output name keeps, for images
            with the same name in different folders.
        save_probability: Also write the probabilities as 16-bit PNG (65535 is 1) into
            ``output_dir/probability``.
        output_overwrite: Replace the files that an earlier run recorded in ``output_dir``. Without
            it, a folder with earlier results is an error.
        format_only: Write the masks without scoring them; needs no ground truth.
        keep_results: Accepted because ``mim test --out`` passes it; written files are always kept.
        collect_device: ``'cpu'`` or ``'gpu'``: how processes exchange their results.
        prefix: Prefix of the names of the results.
        collect_dir: Shared folder for ``collect_device='cpu'``; None lets MMEngine choose.

    Raises:
        ValueError: An argument is out of range or contradicts another.
    """

    default_prefix = 'irstd'

    def __init__(
        self,
        matching: str = 'optimal',
        compare: Sequence[str] = ('legacy', 'greedy', 'optimal'),
        *,
        threshold: float = 0.5,
        max_distance: float = MAX_DISTANCE,
        empty_iou: str = 'one',
        size_edges: Sequence[int] = SIZE_EDGES,
        fa_pixels_per_image: int | None = None,
        hierarchy: bool = False,
        ignore_index: int | None = 255,
        per_dataset: bool = False,
        curves: bool = False,
        curve_bins: int = CURVE_BINS,
        curve_thresholds: Sequence[float] = CURVE_THRESHOLDS,
        curve_dir: str | None = None,
        output_dir: str | None = None,
        output_parents: int = 0,
        save_probability: bool = False,
        output_overwrite: bool = False,
        format_only: bool = False,
        keep_results: bool = False,
        collect_device: str = 'cpu',
        prefix: str | None = None,
        collect_dir: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix, collect_dir=collect_dir)
        del keep_results
        check_threshold(threshold)
        if format_only and output_dir is None:
            raise ValueError('format_only=True needs output_dir: there is nothing else to do')
        if save_probability and output_dir is None:
            raise ValueError('save_probability=True needs output_dir, the folder to write to')
        if curve_dir is not None and not curves:
            raise ValueError(f'curve_dir={curve_dir!r} needs curves=True')
        self.threshold = threshold
        self.scorer = Scorer(
            (matching, *compare),
            max_distance=max_distance,
            empty_iou=empty_iou,
            size_edges=size_edges,
            fa_pixels_per_image=fa_pixels_per_image,
            hierarchy=hierarchy,
            curves=curves,
            curve_bins=curve_bins,
            curve_thresholds=curve_thresholds,
        )
        self.ignore_index = ignore_index
        self.per_dataset = per_dataset
        self.curve_dir = curve_dir
        self.format_only = format_only
        self.writer = None
        if output_dir is not None:
            self.writer = _shared_writer(
                output_dir, output_parents, save_probability, overwrite=output_overwrite
            )
        self._warned = False

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Count one batch and keep only the counts.

        Args:
            data_batch: Not used.
            data_samples: Outputs of the model as dicts with ``seg_logits`` or ``pred_sem_seg``,
                ``gt_sem_seg`` and ``img_path``.

        Raises:
            ValueError: A sample cannot be scored; the message names the image.
        """
        for sample in data_samples:
            path = sample.get('img_path')
            name = str(path) if path else f'sample {len(self.results)}'
            mask, probability = read_prediction(sample, self.threshold, name)
            if self.writer is not None:
                self.writer.write(name, mask, probability)
            if self.format_only:
                self.results.append(_Record(path))
                continue
            gt_mask, ignored = read_gt_mask(sample, mask.shape, self.ignore_index, name)
            self._warn_of_other_threshold(sample, mask, name)
            if self.scorer.curves and probability is None:
                raise ValueError(
                    f'{name}: curves=True needs seg_logits, but the model gave only masks'
                )
            record = self.scorer.measure(
                mask, gt_mask, probability=probability, ignored=ignored, name=name
            )
            ignored_only = ignored is not None and not record.counts.target_areas
            self.results.append(_Record(path, sample.get('dataset'), record, ignored_only))

    def compute_metrics(self, results: list[_Record]) -> dict[str, float]:
        """Print the table of the whole set and return its numbers.

        Args:
            results: One record per image, without padding.

        Raises:
            ValueError: The set is empty, or its masks contain ``ignore_index`` but no target.
        """
        if self.writer is not None:
            self.writer.finish()
        if self.format_only:
            masks = format_count(len(results), 'mask')
            print_log(f'Wrote {masks} to {self.writer.folder}', logger='current')
            return {}
        self._check_set(results)
        self.scorer.reset()
        self.scorer.merge([record.measured for record in results])
        result = self.scorer.compute()
        threshold = f'probability > {self.threshold}'
        print_log('\n' + format_report(result.scores, threshold=threshold), logger='current')
        numbers = result.numbers()
        if self.per_dataset:
            numbers |= self._score_datasets(results)
        if self.curve_dir is not None:
            save_curves(self.curve_dir, result.pixel_curve, result.target_curve)
            print_log(f'Wrote the curves to {self.curve_dir}', logger='current')
        # Floats, because MMEngine makes numpy integers of counts and logs them as null.
        return {name: float(number) for name, number in numbers.items()}

    def _score_datasets(self, results: list[_Record]) -> dict[str, float]:
        """Numbers of each dataset, and means of the main ones."""
        groups: dict[str, list[ImageCounts]] = {}
        for record in results:
            if record.dataset is None:
                raise ValueError(
                    f'per_dataset=True, but {record.path} does not say which dataset it belongs '
                    "to: use mmirstd.IRSTDDataset and add 'dataset' to meta_keys of PackSegInputs"
                )
            groups.setdefault(record.dataset, []).append(record.measured.counts)
        tables = {name: self.scorer.score(images) for name, images in groups.items()}
        print_log('\n' + format_datasets(tables), logger='current')
        numbers = {name: as_numbers(scores) for name, scores in tables.items()}
        means = {
            f'mean_{key}': float(np.mean([one[key] for one in numbers.values()]))
            for key in ('IoU', 'nIoU', 'Pd', 'Fa')
        }
        return means | {
            f'{name}/{key}': value for name, one in numbers.items() for key, value in one.items()
        }

    def _check_set(self, results: list[_Record]) -> None:
        if not results:
            raise ValueError('no images were scored: the test dataset is empty')
        targets = sum(len(record.measured.counts.target_areas) for record in results)
        suspect = next(
            (record.measured.counts.name for record in results if record.ignored_only), None
        )
        if not targets and suspect is not None:
            raise ValueError(
                f'no mask contains a target, but some contain {self.ignore_index}, which is '
                f'ignored, such as {suspect}. If these are 0/255 masks, add mmirstd.BinarizeMask '
                'to the test pipeline, or leave void_value out of mmirstd.LoadMask'
            )
        paths = Counter(record.path for record in results if record.path)
        repeated = [path for path, times in paths.items() if times > 1]
        if repeated:
            print_log(
                f'{format_count(len(repeated), "image is counted", "images are counted")} more '
                f'than once, such as {repeated[0]}. Either the split names them twice, or the '
                'sampler does not distribute images in turn like DefaultSampler, so that MMEngine '
                'cannot drop its padding',
                logger='current',
                level=logging.WARNING,
            )

    def _warn_of_other_threshold(self, sample: dict, mask: NDArray[np.bool_], name: str) -> None:
        if self._warned or not {'seg_logits', 'pred_sem_seg'} <= sample.keys():
            return
        shown = sample['pred_sem_seg']['data'].detach().cpu().numpy().reshape(mask.shape) != 0
        if (shown != mask).any():
            self._warned = True
            print_log(
                f'{name}: pictures show pred_sem_seg, but probability > {self.threshold} is '
                f'scored, which differs; set decode_head.threshold to {self.threshold} (the '
                'default of MMSegmentation is 0.3 for one channel)',
                logger='current',
                level=logging.WARNING,
            )


def _shared_writer(*arguments: Any, **options: Any) -> PredictionWriter:
    """The writer of this process; only the first process checks earlier results.

    Raises:
        ValueError, OSError: The first process cannot use the folder; raised in all processes.
    """
    rank, processes = get_dist_info()
    writer = None
    errors: list[Exception | None] = [None]
    if rank == 0:
        try:
            writer = PredictionWriter(*arguments, **options)
        except (ValueError, OSError) as error:
            errors = [error]
    if processes > 1:
        broadcast_object_list(errors)
    (failure,) = errors
    if failure is not None:
        raise failure
    return writer or PredictionWriter(*arguments, **options, part=rank)
