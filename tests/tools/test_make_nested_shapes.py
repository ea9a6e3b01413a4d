"""tools/make_nested_shapes.py: options reach the generator, errors give exit code 1."""

import runpy
from pathlib import Path

import pytest

pytest.importorskip('pycocotools')

from mmirstd.datasets.prompted.sa1b import SA1BDataset

TOOL = Path(__file__).parents[2] / 'tools' / 'make_nested_shapes.py'
main = runpy.run_path(str(TOOL))['main']
BASE = ['--images', '2', '--val', '1', '--size', '40', '48']


def test_options_reach_the_generator(tmp_path):
    assert main([str(tmp_path), *BASE, '--tar', '--seed', '3']) == 0
    assert {path.name for path in tmp_path.iterdir()} == {
        'sa_000020.tar', 'sa_000130.tar', 'mmirstd_run.jsonl'
    }  # fmt: skip
    train, val = (
        SA1BDataset(str(tmp_path), shards=shards, size=64, num_prompts=2)
        for shards in ('20', '130')
    )
    assert (len(train), len(val)) == (2, 1)
    assert train[0]['inputs'].shape == (3, 64, 64)
    assert not train[0]['inputs'].equal(val[0]['inputs'])


def test_errors_are_explained(tmp_path, capsys):
    assert main([str(tmp_path), *BASE]) == 0
    assert main([str(tmp_path), *BASE]) == 1
    assert '--overwrite' in capsys.readouterr().err
    assert main([str(tmp_path), *BASE, '--overwrite']) == 0
    assert main([str(tmp_path / 'other'), '--size', '8', '8']) == 1
