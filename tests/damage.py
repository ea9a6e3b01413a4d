"""Damaged copies of files.

``MMIRSTD_FUZZ`` sets the number of damaged variants per kind of file (default 150).
"""

import os

import numpy as np

VARIANTS = int(os.environ.get('MMIRSTD_FUZZ', '150'))


def damaged(content: bytes, random: np.random.Generator) -> bytes:
    """Cut, overwrite, insert, repeat or swap bytes."""
    data = bytearray(content)
    for _ in range(int(random.integers(1, 4))):
        kind = random.integers(6)
        a, b = sorted(random.integers(0, len(data) + 1, 2).tolist())
        if kind == 0:
            data = data[:a]
        elif kind == 1:
            for place in random.integers(0, max(len(data), 1), 8).tolist():
                if place < len(data):
                    data[place] = int(random.integers(256))
        elif kind == 2:
            data[a:a] = random.bytes(int(random.integers(1, 20)))
        elif kind == 3:
            data[a : a + 4] = random.choice([b'\xff\xff\xff\xff', b'\0\0\0\0', b'\x7f\xff\xff\xff'])
        elif kind == 4:
            data[a:b] = b''
        else:
            data += data[a : a + 64]
    return bytes(data)
