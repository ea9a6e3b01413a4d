"""An entry becomes part of a package, and replaces the one of the same name."""

import json

import pytest

from benchmarks.publish_entry import LOGS, main, publish
from mmirstd.io.hashing import sha256


@pytest.fixture
def entry(tmp_path):
    folder = tmp_path / 'entry'
    folder.mkdir()
    for name in ('weights.safetensors', *LOGS):
        (folder / name).write_bytes(name.encode())
    describe(folder)
    repository = tmp_path / 'repository'
    (repository / 'mmirstd' / 'weights').mkdir(parents=True)
    (repository / 'mmirstd' / 'weights' / 'registry.json').write_text('{"models": []}')
    return folder, repository


def describe(folder, **changes):
    content = {
        'name': 'unet', 'summary': 's', 'config': 'light_unet_sirst3', 'size': 19, 'macs': 1.0,
        'file': 'weights.safetensors', 'sha256': sha256(folder / 'weights.safetensors'),
        'parameters': 1, 'tile_size': 64, 'trained_on': 't', 'licence': 'l',
    }  # fmt: skip
    (folder / 'model.json').write_text(json.dumps(content | changes))


def models(repository):
    text = (repository / 'mmirstd' / 'weights' / 'registry.json').read_text()
    return json.loads(text)['models']


def test_weights_description_and_logs_are_copied(entry):
    folder, repository = entry
    assert main([str(folder), '--repository', str(repository)]) == 0
    (model,) = models(repository)
    assert model['file'] == 'unet.safetensors'
    files = repository / 'mmirstd' / 'weights' / 'files'
    assert (files / 'unet.safetensors').read_bytes() == b'weights.safetensors'
    logs = repository / 'docs' / 'results' / 'weights' / 'unet'
    assert sorted(path.name for path in logs.iterdir()) == sorted(LOGS)


def test_an_entry_replaces_the_one_of_its_name(entry):
    folder, repository = entry
    publish(folder, repository)
    describe(folder, summary='better')
    publish(folder, repository)
    assert [model['summary'] for model in models(repository)] == ['better']


def test_damaged_weights_and_foreign_configs_are_refused(entry):
    folder, repository = entry
    describe(folder, sha256='0' * 64)
    with pytest.raises(ValueError, match='is not the published file'):
        publish(folder, repository)
    describe(folder, config='config.py')
    with pytest.raises(ValueError, match=r'move config\.py into configs'):
        publish(folder, repository)
    assert models(repository) == []
