"""Memory does not grow with the length of a stream."""

import ctypes
import gc
import json
import platform
from pathlib import Path

import numpy as np
import pytest

from mmirstd.inference.detector import Detector
from mmirstd.inference.options import DetectorOptions
from mmirstd.inference.sources import Source
from mmirstd.inference.tracking import Tracker
from mmirstd.reporting.video import TrackTable
from mmirstd.reporting.writers import DetectionWriter

FRAMES = 50_000
SIDE = 24


class Bright(Detector):
    """Probability = gray value / 255."""

    def scale(self, image, name):
        return image

    def predict(self, images):
        return [np.float32(image) / np.float32(255) for image in images]


def frames(count):
    """One target that stays, one that moves, and one that appears anywhere."""
    random = np.random.default_rng(0)
    for k in range(count):
        image = np.zeros((SIDE, SIDE), np.uint8)
        image[3, 3] = image[12, k % SIDE] = 255
        y, x = random.integers(0, SIDE, 2)
        image[y, x] = 255
        yield Source(f'frame_{k:06d}', Path('clip.mp4'), k, lambda image=image: image)


def resident():
    """Memory of this process in bytes, after what is free was given back."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    pages = int(Path('/proc/self/statm').read_text().split()[1])
    return pages * 4096


@pytest.mark.slow
@pytest.mark.skipif(platform.system() != 'Linux', reason='reads /proc/self/statm')
def test_fifty_thousand_frames_in_flat_memory(tmp_path):
    own = DetectorOptions(threshold=0.5, intensity_range='dtype')
    detector, tracker, memory = Bright(DetectorOptions(), own), Tracker(), {}
    with (
        DetectionWriter(tmp_path / 'out', ('csv', 'json', 'coco')) as writer,
        TrackTable(writer.files.growing('tracks.csv')) as table,
    ):
        for k, found in enumerate(detector.stream(frames(FRAMES), batch_size=8), start=1):
            writer.write(found)
            table.write(found.source.name, tracker.update(found.targets))
            if k % 5000 == 0:
                memory[k] = resident()
    growth = memory[FRAMES] - memory[5000]
    print({k: f'{value / 2**20:.1f} MiB' for k, value in memory.items()}, tracker.count)
    assert tracker.count > 10_000
    assert growth < 4 * 2**20, memory  # 4.6 MiB per 1,000 frames before
    out = tmp_path / 'out'
    with (out / 'detections.json').open() as file:
        assert sum(1 for _ in file) == FRAMES + 2
    assert len(json.loads((out / 'coco_images.json').read_text())['images']) == FRAMES
