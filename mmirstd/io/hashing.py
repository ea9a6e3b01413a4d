"""Checksums of files and of plain values."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any


def sha256(*paths: str | os.PathLike[str]) -> str:
    """SHA-256 of the joined content of one or several files, 64 hexadecimal digits.

    Raises:
        OSError: A file cannot be read; the message names it.
    """
    digest = hashlib.sha256()
    for path in paths:
        with Path(path).open('rb') as file:
            while block := file.read(1 << 22):
                digest.update(block)
    return digest.hexdigest()


def digest_of(value: Any) -> str:
    """Short digest of nested lists and dictionaries of plain values, 16 hexadecimal digits.

    The order of keys does not matter. Values that JSON does not support are replaced by their text.
    """
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
