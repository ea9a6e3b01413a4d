"""`mmirstd detect` with a detector that takes a while and needs no PyTorch; for tests that kill it.

python bright_detect.py SECONDS_PER_IMAGE [arguments of detect]
"""

import os
import signal
import sys
import time
from unittest import mock

import numpy as np

from mmirstd.cli.commands import detect
from mmirstd.cli.stopping import run_tool
from mmirstd.datasets.intensity import IntensityRangeError
from mmirstd.inference.detector import Detector
from mmirstd.inference.options import DetectorOptions

DEADLY = 13
"""Value of the first pixel of an image that kills the process."""


class BrightDetector(Detector):
    """Probability = gray value / 255."""

    def scale(self, image, name):
        if image.dtype == np.float32:
            raise IntensityRangeError(f'{name}: floating point values need --intensity-range')
        return image

    def predict(self, images):
        time.sleep(float(os.environ['BRIGHT_PAUSE']))
        if any(image.flat[0] == DEADLY for image in images):
            os.kill(os.getpid(), signal.SIGKILL)
        return [
            np.float32(image if image.ndim == 2 else image[..., 0]) / np.float32(255)
            for image in images
        ]


OWN = DetectorOptions(threshold=0.5, intensity_range='dtype')


def build(args, options, threads=0):
    return BrightDetector(options, OWN)


def main(words):
    """Run `mmirstd detect` with the bright detector."""
    os.environ['BRIGHT_PAUSE'] = sys.argv[1]  # workers inherit it
    with mock.patch.object(detect, 'build_detector', build):
        return detect.main(words)


if __name__ == '__main__':
    sys.exit(run_tool(lambda: main([*sys.argv[2:], '--config', 'none', '--quiet'])))
