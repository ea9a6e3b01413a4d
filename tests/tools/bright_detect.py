"""tools/detect.py with a detector that takes a while and needs no PyTorch; for tests that kill it.

python bright_detect.py SECONDS_PER_IMAGE [arguments of detect]
"""

import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'tools'))

import detect

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
detect.build_detector = lambda args, options: BrightDetector(options, OWN)

if __name__ == '__main__':
    sys.exit(run_tool(lambda: detect.main([*sys.argv[2:], '--config', 'none', '--quiet'])))
