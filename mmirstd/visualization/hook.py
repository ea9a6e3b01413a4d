"""The hook that draws during testing and validation."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from mmengine.dist import get_world_size
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner
from mmengine.visualization import Visualizer
from mmseg.structures import SegDataSample

from mmirstd.io.images.reading import read_image
from mmirstd.registry import HOOKS


@HOOKS.register_module()
class IRSTDVisualizationHook(Hook):
    """Draws every tested image; ``mim test ... --show-dir DIR`` turns it on.

    MMSegmentation's own hook reads every image as 8-bit colour, which leaves 14-bit data nearly
    black and cannot read arrays, and by default draws only every 50th image. Pictures are stored in
    ``DIR/vis_data/vis_image/<name>_<number>.png``.

    Args:
        draw: Whether to draw.
        interval: Draw every n-th image, beginning with the first.
        show: Open windows instead of writing files.
        wait_time: Seconds that a window stays open; 0 waits for a key.
    """

    def __init__(
        self, draw: bool = False, *, interval: int = 1, show: bool = False, wait_time: float = 0.0
    ) -> None:
        if interval < 1:
            raise ValueError(f'interval={interval}: give a number of images >= 1')
        self.draw = draw
        self.interval = interval
        self.show = show
        self.wait_time = wait_time
        self._seen = 0

    def before_test_epoch(self, runner: Runner) -> None:
        """Start counting; warn that several processes draw only a part of the images."""
        self._seen = 0
        if self.draw and get_world_size() > 1:
            print_log(
                'IRSTDVisualizationHook: only the images of the first process are drawn. Test '
                'with one process to have all of them.',
                logger='current',
                level=logging.WARNING,
            )

    def before_val_epoch(self, runner: Runner) -> None:
        """Start counting."""
        self._seen = 0

    def _after_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: Sequence[SegDataSample] | dict | None = None,
        mode: str = 'train',
    ) -> None:
        """Draw the images of a test or validation batch; those of validation by iteration."""
        if not self.draw or mode == 'train':
            return
        visualizer = Visualizer.get_current_instance()
        for data_sample in outputs or ():
            self._seen += 1
            if (self._seen - 1) % self.interval:
                continue
            path = data_sample.img_path
            # Validation repeats, so its pictures are numbered by iteration; the position in the
            # list distinguishes images of the same name in different folders.
            name = Path(path).stem if mode == 'test' else f'val_{self._seen}_{Path(path).stem}'
            visualizer.add_datasample(
                name,
                _as_rgb(read_image(path)),
                data_sample=data_sample,
                show=self.show,
                wait_time=self.wait_time,
                step=self._seen if mode == 'test' else runner.iter,
            )


def _as_rgb(image: np.ndarray) -> np.ndarray:
    """Gray (H, W) unchanged, BGR (H, W, 3) as RGB."""
    return image[..., ::-1] if image.ndim == 3 else image
