"""Checksums of files."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path


def sha256(*paths: str | os.PathLike[str]) -> str:
    """SHA-256, 64 hexadecimal digits, of the content of one or several files in a row.

    Files are read in parts, so they may be larger than the memory.

    Raises:
        OSError: A file cannot be read; the message names it.
    """
    digest = hashlib.sha256()
    for path in paths:
        with Path(path).open('rb') as file:
            while block := file.read(1 << 22):
                digest.update(block)
    return digest.hexdigest()
