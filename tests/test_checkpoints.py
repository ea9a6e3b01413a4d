"""Checkpoints are read without running code from them, and damaged ones are named."""

import functools
import hashlib
import threading
import zipfile
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner import CheckpointLoader
from safetensors.torch import save_file

import mmirstd.registry  # noqa: F401  (a config that names 'mmirstd.X' imports it)
from mmirstd.checkpoints import TRUST_PICKLES, load_checkpoint


class Code:
    """Pickles to a call that creates a file."""

    def __init__(self, target: Path):
        self.target = target

    def __reduce__(self):
        return Path.touch, (self.target,)


@pytest.fixture
def dangerous(tmp_path):
    path = tmp_path / 'dangerous.pth'
    torch.save({'state_dict': {}, 'extra': Code(tmp_path / 'was_run')}, path)
    return path


def save(path: Path, **extra) -> Path:
    torch.save({'state_dict': {'weight': torch.arange(3.0)}, **extra}, path)
    return path


def training_state() -> dict:
    buffer = HistoryBuffer()
    buffer.update(0.5)
    return {
        'message_hub': {'log_scalars': {'train/loss': buffer}},
        'meta': {'best': np.float64(0.7), 'count': np.int64(3), 'list': np.array([1, 2])},
    }


def test_training_state_is_read(tmp_path):
    state = load_checkpoint(save(tmp_path / 'epoch_1.pth', **training_state()))
    history = state['message_hub']['log_scalars']['train/loss']
    assert history.mean() == history.statistics('mean') == 0.5
    assert state['meta']['best'] == 0.7
    assert state['meta']['list'].tolist() == [1, 2]
    assert state['state_dict']['weight'].tolist() == [0, 1, 2]


def test_code_in_a_file_is_not_run(dangerous, tmp_path):
    with pytest.raises(ValueError, match='could run code') as caught:
        load_checkpoint(dangerous)
    assert str(dangerous) in str(caught.value)
    assert TRUST_PICKLES in str(caught.value)
    assert not (tmp_path / 'was_run').exists()


def test_trust_has_to_be_declared(dangerous, tmp_path, monkeypatch):
    monkeypatch.setenv(TRUST_PICKLES, '1')
    assert 'extra' in load_checkpoint(dangerous)
    assert (tmp_path / 'was_run').exists()


def test_mmengine_reads_local_files_safely_too(dangerous, tmp_path):
    """Of MMEngine's own loaders, the one for torch < 2.6 and the fork's fallback run the code."""
    with pytest.raises(ValueError, match='could run code'):
        CheckpointLoader.load_checkpoint(str(dangerous))
    assert not (tmp_path / 'was_run').exists()
    loaded = CheckpointLoader.load_checkpoint(str(save(tmp_path / 'good.pth', **training_state())))
    assert loaded['state_dict']['weight'].tolist() == [0, 1, 2]


class ReachesAttribute:
    def __init__(self, name):
        self.name = name

    def __reduce__(self):
        return getattr, (HistoryBuffer, self.name)


def test_pickled_history_reaches_its_own_statistics_only(tmp_path):
    path = tmp_path / 'file.pth'
    torch.save({'method': ReachesAttribute('mean')}, path)
    assert load_checkpoint(path)['method'] is HistoryBuffer.mean
    torch.save({'method': ReachesAttribute('__init__')}, path)
    with pytest.raises(ValueError, match="unsupported attribute '__init__'"):
        load_checkpoint(path)


def test_truncated_file_is_named_with_an_intact_neighbour(tmp_path):
    save(tmp_path / 'best_irstd_IoU_epoch_1.pth')
    earlier = save(tmp_path / 'epoch_1.pth')
    save(tmp_path / 'found_on_the_web.pth')
    path = save(tmp_path / 'epoch_2.pth')
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ValueError, match='is incomplete') as caught:
        load_checkpoint(path)
    message = str(caught.value)
    assert str(path) in message
    assert 'found_on_the_web' not in message
    # best_*.pth contain no optimiser state and are not proposed for resuming.
    assert f'--resume --cfg-options load_from={earlier}`.' in message


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (b'', 'is empty'),
        (b'<html>404</html>', r'is a web page \(HTML\).*gdown'),
        (b'\xef\xbb\xbf\n<!DOCTYPE html><html>Virus scan warning', r'is a web page \(HTML\)'),
        (
            b'version https://git-lfs.github.com/spec/v1\noid sha256:0\n',
            'Git LFS pointer.*lfs pull',
        ),
        (b'\x89HDF\r\n\x1a\n', 'is an HDF5 file'),
        (b'\x12\x01\x00\x00\x00\x00\x00\x00' + bytes(8), 'is an MXNet file'),
        (b'weights, please', 'is not a PyTorch checkpoint'),
        (b'\x80\x02garbage', 'cannot be read|could run code'),
    ],
)
def test_other_damage_is_named(tmp_path, content, message):
    path = tmp_path / 'weights.pth'
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as caught:
        load_checkpoint(path)
    assert str(path) in str(caught.value)


def test_missing_file_and_wrong_content(tmp_path):
    save(tmp_path / 'epoch_7.pth')
    with pytest.raises(FileNotFoundError, match=r'epoch_8\.pth does not exist.*epoch_7\.pth'):
        load_checkpoint(tmp_path / 'epoch_8.pth')
    torch.save(torch.zeros(2), tmp_path / 'tensor.pth')
    with pytest.raises(ValueError, match=r'tensor\.pth contains a Tensor'):
        load_checkpoint(tmp_path / 'tensor.pth')


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture
def server(tmp_path):
    folder = tmp_path / 'served'
    folder.mkdir()
    handler = functools.partial(QuietHandler, directory=str(folder))
    with ThreadingHTTPServer(('127.0.0.1', 0), handler) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield folder, f'http://127.0.0.1:{http.server_port}'
        http.shutdown()


@pytest.fixture
def hub(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, '_hub_dir', str(tmp_path / 'hub'))
    return tmp_path / 'hub' / 'checkpoints'


def test_downloads_are_checked_cached_and_read_safely(server, hub, dangerous, tmp_path):
    folder, address = server
    content = save(tmp_path / 'x.pth').read_bytes()
    name = f'net-{hashlib.sha256(content).hexdigest()[:8]}.pth'
    (folder / name).write_bytes(content)
    for _ in range(2):
        loaded = CheckpointLoader.load_checkpoint(f'{address}/{name}', 'cpu')
        assert loaded['state_dict']['weight'].tolist() == [0, 1, 2]
        (folder / name).unlink(missing_ok=True)  # the second time it comes from the cache
    assert [path.name for path in hub.glob('*/*')] == [name]

    (folder / 'net-00000000.pth').write_bytes(content)
    with pytest.raises(RuntimeError, match='hash'):
        CheckpointLoader.load_checkpoint(f'{address}/net-00000000.pth', 'cpu')
    assert not list(hub.glob('*/net-00000000.pth'))

    (folder / 'code.pth').write_bytes(dangerous.read_bytes())
    with pytest.raises(ValueError, match='could run code'):
        CheckpointLoader.load_checkpoint(f'{address}/code.pth', 'cpu')
    assert not (tmp_path / 'was_run').exists()


def test_equal_names_of_two_addresses_are_kept_apart(server, hub, tmp_path):
    folder, address = server
    for number in (1, 2):
        (folder / str(number)).mkdir()
        torch.save({'weight': torch.full((1,), number)}, folder / str(number) / 'model.pth')
    for number in (1, 2):
        loaded = CheckpointLoader.load_checkpoint(f'{address}/{number}/model.pth', 'cpu')
        assert loaded['weight'].tolist() == [number]


@pytest.mark.parametrize('failing', ['here', 'elsewhere'])
def test_a_failed_download_is_told_to_all_processes(server, hub, monkeypatch, failing):
    _, address = server
    url = f'{address}/missing.pth'
    heard = {'here': lambda own: [own, None], 'elsewhere': lambda own: [own, f'{url}: 404']}
    monkeypatch.setattr('mmengine.dist.all_gather_object', heard[failing])
    if failing == 'elsewhere':  # the first process of the machine downloads for this one
        monkeypatch.setenv('LOCAL_RANK', '1')
    with pytest.raises(RuntimeError, match=r'missing\.pth.*404'):
        CheckpointLoader.load_checkpoint(url, 'cpu')


def test_weights_of_other_programs_are_found(tmp_path):
    weights = {'conv.weight': torch.ones(2), 'bn.bias': torch.zeros(2)}

    def prefixed(prefix):
        return {prefix + key: value for key, value in weights.items()}

    for number, content in enumerate(
        (
            weights,
            prefixed('module.'),
            {'net': prefixed('_orig_mod.'), 'optimizer': {'state': {}}, 'epoch': 3},
            {'state_dict': prefixed('module._orig_mod.'), 'total_loss': [1.0]},
            {'model_state_dict': weights},
            {'model': weights, 'iteration': 1},
        )
    ):
        path = tmp_path / f'{number}.pth'
        torch.save(content, path)
        loaded = load_checkpoint(path)
        found = loaded.get('state_dict', loaded)
        assert {key: value.tolist() for key, value in found.items()} == {
            'conv.weight': [1, 1],
            'bn.bias': [0, 0],
        }
    # A prefix of some names only belongs to them.
    torch.save({'module.a': torch.ones(1), 'b': torch.ones(1)}, path)
    assert set(load_checkpoint(path)) == {'module.a', 'b'}


def test_safetensors_are_recognised_by_their_content(tmp_path):
    for name in ('weights.safetensors', 'weights.pth'):
        save_file({'module.a': torch.ones(2)}, tmp_path / name)
        assert load_checkpoint(tmp_path / name)['state_dict']['a'].tolist() == [1, 1]
    (tmp_path / 'weights.safetensors').write_bytes(b'not one')
    with pytest.raises(ValueError, match='cannot be read as safetensors'):
        load_checkpoint(tmp_path / 'weights.safetensors')


def test_whole_models_are_told_apart_and_read_where_pickles_are_trusted(tmp_path, monkeypatch):
    path = tmp_path / 'whole.pth'
    torch.save(torch.nn.Linear(2, 1), path)
    with pytest.raises(ValueError, match=r'whole pickled model \(class torch\.nn.*weights\.pth'):
        load_checkpoint(path)
    monkeypatch.setenv(TRUST_PICKLES, '1')
    assert set(load_checkpoint(path)['state_dict']) == {'weight', 'bias'}
    torch.save({'model': torch.nn.Linear(2, 1), 'epoch': 3}, path)
    assert set(load_checkpoint(path)['state_dict']) == {'weight', 'bias'}


def test_torchscript_and_other_archives_are_told_apart(tmp_path):
    path = tmp_path / 'program.pt'
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 1)), str(path))
    with pytest.raises(ValueError, match='is a TorchScript program'):
        load_checkpoint(path)
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr('readme.txt', 'weights inside')
    with pytest.raises(ValueError, match='another kind of zip archive'):
        load_checkpoint(path)


def test_mmengines_loaders_can_be_kept(monkeypatch):
    from mmirstd import checkpoints

    registered = []
    monkeypatch.setattr(
        CheckpointLoader, 'register_scheme', lambda *names, **options: registered.append(names)
    )
    monkeypatch.setenv('MMIRSTD_KEEP_MMENGINE', '1')
    checkpoints.use_safe_loaders()
    assert registered == []
    monkeypatch.delenv('MMIRSTD_KEEP_MMENGINE')
    checkpoints.use_safe_loaders()
    assert len(registered) == 2
