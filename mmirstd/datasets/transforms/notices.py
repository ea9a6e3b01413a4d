"""Warnings of pipeline steps, once per run instead of once per worker and image."""

from __future__ import annotations

import logging

from mmengine.logging import print_log
from torch.utils.data import get_worker_info


def log_in_first_worker(text: str, source: object) -> None:
    """Log a warning about ``source`` in the first worker of a data loader; '' is not a warning."""
    worker = get_worker_info()
    if text and (worker is None or worker.id == 0):
        print_log(f'{source}: {text}', logger='current', level=logging.WARNING)
