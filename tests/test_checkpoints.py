"""Checkpoints are read without running code from them, and damaged ones are named."""

import functools
import hashlib
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner import CheckpointLoader

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
    # best_*.pth hold no optimiser state and are not proposed for resuming.
    assert f'--resume --cfg-options load_from={earlier}`.' in message


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (b'', 'is empty'),
        (b'<html>404</html>', 'is not a PyTorch checkpoint'),
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
    with pytest.raises(ValueError, match=r'tensor\.pth holds a Tensor'):
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
    assert (hub / name).is_file()

    (folder / 'net-00000000.pth').write_bytes(content)
    with pytest.raises(RuntimeError, match='hash'):
        CheckpointLoader.load_checkpoint(f'{address}/net-00000000.pth', 'cpu')
    assert not (hub / 'net-00000000.pth').exists()

    (folder / 'code.pth').write_bytes(dangerous.read_bytes())
    with pytest.raises(ValueError, match='could run code'):
        CheckpointLoader.load_checkpoint(f'{address}/code.pth', 'cpu')
    assert not (tmp_path / 'was_run').exists()
