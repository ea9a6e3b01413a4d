"""The visualizer that MMSegmentation's hooks, tools and inferencer call."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmengine.dist import master_only
from mmseg.structures import SegDataSample
from mmseg.visualization import SegLocalVisualizer

from mmirstd.datasets.resampling import resize_image
from mmirstd.io.images.writing import write_image
from mmirstd.io.outputs.guard import check_output
from mmirstd.models.segmentors.data_samples import read_gt_mask, read_prediction
from mmirstd.registry import VISUALIZERS

from .canvas import to_gray8
from .overlay import draw_result


@VISUALIZERS.register_module()
class IRSTDLocalVisualizer(SegLocalVisualizer):
    """Draws hits, misses and false alarms of an image with enlarged crops of every target.

    :func:`mmirstd.visualization.overlay.draw_result` describes the picture. The mask is obtained
    from the probabilities with ``threshold``, as in :class:`mmirstd.IRSTDMetric`, so the
    picture and the score agree. If they were evaluated at another size than that of the file
    (``ResizeToSquare(evaluate_at='input')``), the image is resized to it and the caption says so.

    Args:
        name: Name of the instance.
        image: First image, RGB (H, W, 3).
        vis_backends: Backends that store the pictures.
        save_dir: Folder of the local backend.
        threshold: A pixel is predicted if its probability exceeds this. Use that of the metric.
        ignore_index: Label of the ground truth that is neither target nor background.
        scale: Integer enlargement of the image; None makes its longer side at least 640 px.
        **kwargs: For :class:`mmseg.visualization.SegLocalVisualizer`.
    """

    def __init__(
        self,
        name: str = 'visualizer',
        image: np.ndarray | None = None,
        vis_backends: list | None = None,
        save_dir: str | None = None,
        *,
        threshold: float = 0.5,
        ignore_index: int | None = 255,
        scale: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name, image, vis_backends, save_dir, **kwargs)
        if not 0 < threshold < 1:
            raise ValueError(f'threshold={threshold}: give a probability between 0 and 1')
        self.threshold = threshold
        self.ignore_index = ignore_index
        self.scale = scale

    @master_only
    def add_datasample(
        self,
        name: str,
        image: np.ndarray,
        data_sample: SegDataSample | None = None,
        draw_gt: bool = True,
        draw_pred: bool = True,
        show: bool = False,
        wait_time: float = 0,
        out_file: str | None = None,
        step: int = 0,
        with_labels: bool | None = True,
        with_image: bool | None = False,
    ) -> None:
        """Draw one image and pass the picture to the backends.

        Args:
            name: Name of the image.
            image: Gray (H, W) of any numeric type or RGB (H, W, 3).
            data_sample: Ground truth and prediction; either may be missing.
            draw_gt: Whether to use the ground truth.
            draw_pred: Whether to use the prediction.
            show: Open a window instead of writing to the backends.
            wait_time: Seconds that the window stays open; 0 waits for a key.
            out_file: Write the picture to this file as well.
            step: Number of the picture.
            with_labels: Ignored; part of MMSegmentation's interface.
            with_image: Ignored; the picture always shows the image.

        Raises:
            ValueError: Ground truth and prediction differ in size, or the ground truth contains
                labels other than 0, 1 and ``ignore_index``; the message begins with ``name``.
            OSError: ``out_file`` cannot be written.
        """
        gt_mask, prediction = self._masks(name, data_sample, draw_gt, draw_pred)
        if image.ndim == 3:
            image = image[..., ::-1]  # the drawing functions take BGR
        gray, caption = to_gray8(image), name
        masks = [mask for mask in (gt_mask, prediction) if mask is not None]
        if masks and masks[0].shape != gray.shape:
            height, width = masks[0].shape
            caption = f'{name} at {width}x{height} (file {gray.shape[1]}x{gray.shape[0]})'
            gray = resize_image(gray, (height, width))
        picture = draw_result(gray, gt_mask, prediction, name=caption, scale=self.scale)
        self.set_image(picture)  # for get_image
        if show:
            self.show(picture, win_name=name, wait_time=wait_time)
        else:
            self.add_image(name, picture, step)
        if out_file is not None:
            write_image(check_output(out_file), picture[..., ::-1])

    def _masks(
        self, name: str, data_sample: SegDataSample | None, draw_gt: bool, draw_pred: bool
    ) -> tuple[np.ndarray | None, np.ndarray | None]:
        gt_mask = prediction = None
        if data_sample is None:
            return gt_mask, prediction
        sample = data_sample.to_dict()
        if draw_pred and ('seg_logits' in sample or 'pred_sem_seg' in sample):
            prediction, _ = read_prediction(sample, self.threshold, name)
        if draw_gt and 'gt_sem_seg' in sample:
            shape = tuple(sample['gt_sem_seg']['data'].shape[-2:])
            if prediction is not None:
                shape = prediction.shape
            gt_mask, _ = read_gt_mask(sample, shape, self.ignore_index, name)
        return gt_mask, prediction
