"""`mmirstd detect` with a detector that takes a while and needs no PyTorch; for tests that kill it.

python bright_detect.py SECONDS_PER_IMAGE [arguments of detect]
"""

import sys
import time
from unittest import mock

import numpy as np

from mmirstd.cli import detect
from mmirstd.cli.stopping import run_tool
from mmirstd.inference.detector import Detector
from mmirstd.inference.options import DetectorOptions


class BrightDetector(Detector):
    """Probability = gray value / 255."""

    def scale(self, image, name):
        return image

    def predict(self, images):
        time.sleep(float(sys.argv[1]))
        return [
            np.float32(image if image.ndim == 2 else image[..., 0]) / np.float32(255)
            for image in images
        ]


OWN = DetectorOptions(threshold=0.5, intensity_range='dtype')


def build(args, options):
    return BrightDetector(options, OWN)


def main(words):
    """Run `mmirstd detect` with the bright detector."""
    with mock.patch.object(detect, 'build_detector', build):
        return detect.main(words)


if __name__ == '__main__':
    sys.exit(run_tool(lambda: main([*sys.argv[2:], '--config', 'none', '--quiet'])))
