"""The samples of reference outputs that are committed, and the comparison with them."""

import os

import numpy as np
import pytest
import torch
from reference import COMMITTED, Reference, folder, sampled

NAMES = sorted(path.stem for path in COMMITTED.glob('*.npz'))


def test_samples_are_small():
    assert NAMES
    assert max((COMMITTED / f'{name}.npz').stat().st_size for name in NAMES) < 64_000


@pytest.mark.parametrize('name', NAMES)
def test_samples_are_those_of_the_full_file(name):
    if folder() == COMMITTED:
        pytest.skip('MMIRSTD_REFERENCE is not set: it names the folder of the full fixtures')
    expected = sampled(Reference(name))
    with np.load(COMMITTED / f'{name}.npz') as stored:
        assert set(stored.files) == set(expected)
        for key in stored.files:
            assert np.array_equal(stored[key], expected[key]), key


@pytest.fixture
def reference(tmp_path):
    """A fixture of one output, 40 x 40 at every other pixel, and its samples."""
    values = np.random.default_rng(0).normal(size=(1, 1, 40, 40)).astype(np.float32)
    keys = np.frombuffer(b'[["a.weight", [2, 3]]]', np.uint8)
    meta = (
        '{"seed": 0, "input_shape": [1, 1, 80, 80], "output_shapes": {"y": [1, 1, 80, 80]}, '
        '"strides": {"y": 2}, "weights_crc32": 0, "input_crc32": 0}'
    )
    np.savez(tmp_path / 'full.npz', y=values, keys=keys, meta=np.array(meta))
    full = Reference('full', tmp_path)
    np.savez(tmp_path / 'small.npz', **sampled(full))
    return full, Reference('small', tmp_path)


def test_full_file_and_samples_judge_alike(reference):
    full, small = reference
    output = torch.zeros(1, 1, 80, 80)
    output[..., ::2, ::2] = torch.from_numpy(full.outputs['y'])
    assert 200 <= small.outputs['y'].size <= 256
    columns = np.arange(1600)[small.samples['y']['start'] :: small.samples['y']['step']] % 40
    assert len(set(columns)) == 40
    for each in reference:
        each.check(0, y=output)
        assert each.scale('y') == pytest.approx(np.abs(full.outputs['y']).max())
        for wrong in (output + 1e-3, output.roll(2, dims=-1), output * float('nan')):
            with pytest.raises(AssertionError, match=r'from the original above 0\.0001'):
                each.check(1e-4, y=wrong)


def test_a_changed_generator_is_told_from_a_changed_model(reference):
    with pytest.raises(AssertionError):
        _ = reference[0].state
    with pytest.raises(AssertionError):
        reference[0].input()


def test_a_fixture_that_is_not_committed_skips(monkeypatch):
    monkeypatch.delitem(os.environ, 'MMIRSTD_REFERENCE', raising=False)
    with pytest.raises(pytest.skip.Exception, match='no samples of absent are committed'):
        Reference('absent')
