"""Expected outputs of original models, and how to compare with them.

The full fixtures are large; the environment variable ``MMIRSTD_REFERENCE`` names their folder.
Samples of them, a few kB each, are committed in ``tests/models/fixtures`` and are used without
that folder. Of 332 weights of ALCNet and RDIAN, changed by 2 % one at a time, the full outputs
reveal 328 and the samples 321. Write them again with::

    MMIRSTD_REFERENCE=DIR python tests/reference.py [NAME ...]
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from functools import cached_property
from math import gcd
from pathlib import Path

import numpy as np
import procedural
import pytest
import torch
from torch import Tensor, nn

from mmirstd.conversion.common import Family, convert

COMMITTED = Path(__file__).resolve().parent / 'models' / 'fixtures'
SAMPLES = 256
"""Committed values per output, at most."""
TOLERANCE = 1e-4  # of the fixtures' README; ours is asserted more strictly where it is met


def folder() -> Path:
    """Where fixtures are read from: ``MMIRSTD_REFERENCE``, or the committed samples."""
    value = os.environ.get('MMIRSTD_REFERENCE')
    if not value:
        return COMMITTED
    if not Path(value).is_dir():
        pytest.fail(f'MMIRSTD_REFERENCE={value} is not a folder')
    return Path(value)


class Reference:
    """One fixture: names of weights, inputs and outputs of an original model.

    Args:
        name: Of its files, without suffix.
        root: Folder of the files; by default `folder`. A fixture that is not committed skips the
            test.
    """

    def __init__(self, name: str, root: Path | None = None) -> None:
        root = root or folder()
        path = root / f'{name}.npz'
        if root == COMMITTED and not path.is_file():
            pytest.skip(f'no samples of {name} are committed; set MMIRSTD_REFERENCE')
        with np.load(path, allow_pickle=False) as data:
            self.outputs = {key: data[key] for key in data.files if key not in ('meta', 'keys')}
            self.meta = json.loads(str(data['meta']))
            packed = data['keys'].tobytes() if 'keys' in data.files else None
        text = packed or (root / f'{name}.keys.json').read_bytes()
        self.keys: list[list] = json.loads(text)
        self.samples: dict[str, dict] = self.meta.get('samples', {})

    @cached_property
    def state(self) -> dict[str, Tensor]:
        """State dict of the original, under its own names."""
        made = procedural.state_of(self.keys, self.meta['seed'])
        assert procedural.checksum(made.values()) == self.meta['weights_crc32']
        return {name: torch.from_numpy(value) for name, value in made.items()}

    def load_into(self, model: nn.Module, family: Family) -> nn.Module:
        model.load_state_dict(convert(self.state, family, model.state_dict()))
        return model.eval()

    def input(self, name: str | None = None) -> Tensor:
        """The input called ``name``; without a name the only one, a batch of images."""
        if name is None:
            made = procedural.image_of(self.meta['input_shape'], self.meta['seed'])
            assert procedural.checksum([made]) == self.meta['input_crc32']
            return torch.from_numpy(made)
        described = self.meta['inputs'][name]
        if isinstance(described, list):  # its shape; the name selects the random numbers
            return torch.from_numpy(procedural.image_of(described, self.meta['seed'], name))
        made = procedural.image_of(described['shape'], described['seed'])
        assert procedural.checksum([made]) == described['crc32']
        return torch.from_numpy(made)

    def given(self, name: str) -> Tensor | None:
        """A stored array as an input, such as the coordinates of a prompt.

        Skips the test if only samples of it are committed.
        """
        if name in self.samples:
            pytest.skip(f'only samples of {name} are committed; set MMIRSTD_REFERENCE')
        return torch.from_numpy(self.outputs[name]) if name in self.outputs else None

    def differences(self, name: str, output: Tensor) -> np.ndarray:
        """Absolute differences of ``output`` at the stored positions."""
        shape = self.meta['output_shapes'].get(name)
        assert shape is None or list(output.shape) == shape, name
        stride = self.meta.get('strides', {}).get(name, 1)
        stored = (output[..., ::stride, ::stride] if output.dim() == 4 else output).numpy()
        if name in self.samples:
            place = self.samples[name]
            stored = stored.ravel()[place['start'] :: place['step']]
        assert stored.shape == self.outputs[name].shape, name
        return np.abs(stored - self.outputs[name])

    def scale(self, name: str) -> float:
        """Largest absolute value that the original returned, at least 1."""
        if name in self.samples:
            return max(1.0, self.samples[name]['largest'])
        return max(1.0, float(np.abs(self.outputs[name]).max(initial=0)))

    def difference(self, name: str, output: Tensor) -> float:
        """max|a - b| / max(1, max|b|)."""
        return float(self.differences(name, output).max(initial=0)) / self.scale(name)

    def check(self, tolerance: float = TOLERANCE, **outputs: Tensor) -> None:
        found = {name: self.difference(name, output) for name, output in outputs.items()}
        # Written so that NaN is too large as well.
        too_large = {n: f'{value:.1e}' for n, value in found.items() if not value <= tolerance}
        assert not too_large, f'differences from the original above {tolerance}: {too_large}'


def sampled(reference: Reference) -> dict[str, np.ndarray]:
    """The arrays of a small file that stands for ``reference``."""
    kept, samples = {}, {}
    for name, values in reference.outputs.items():
        if values.size <= SAMPLES or name in reference.meta.get('given', ()):
            kept[name] = values
            continue
        step = -(-values.size // SAMPLES)
        while gcd(step, values.shape[-1]) != 1:  # else the samples would stand in few columns
            step += 1
        start = step // 2
        kept[name] = values.ravel()[start::step]
        largest = float(np.abs(values).max())
        samples[name] = {'start': start, 'step': step, 'largest': largest}
    meta = {**reference.meta, 'samples': samples}
    # What the full files say about their making is not needed to compare.
    for key in ('outputs_crc32', 'one_thread_difference', 'source_blobs', 'input_head'):
        meta.pop(key, None)
    keys = np.frombuffer(json.dumps(reference.keys, separators=(',', ':')).encode(), np.uint8)
    return {**kept, 'keys': keys, 'meta': np.array(json.dumps(meta))}


def write_samples(names: Iterable[str]) -> None:
    """Write the samples of the full fixtures ``names`` into the checkout."""
    COMMITTED.mkdir(exist_ok=True)
    for name in names:
        np.savez_compressed(COMMITTED / f'{name}.npz', **sampled(Reference(name)))


if __name__ == '__main__':
    write_samples(sys.argv[1:] or sorted(path.stem for path in COMMITTED.glob('*.npz')))
