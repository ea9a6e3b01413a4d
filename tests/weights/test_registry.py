"""Weights by name: the published ones, a folder, a web server, a Hugging Face repository."""

import functools
import hashlib
import http.server
import json
import os
import subprocess
import sys
import threading

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from safetensors.torch import load_file

from mmirstd.apis import IRSTDInferencer
from mmirstd.io.hashing import sha256
from mmirstd.registry import MODELS
from mmirstd.weights import find_model, get_model_info, list_models
from mmirstd.weights.packing import pack_weights
from mmirstd.weights.sources import fetch

CONFIG = """
default_scope = 'mmseg'
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(type='SegDataPreProcessor'),
    backbone=dict(type='mmirstd.LightUNet', channels=(4, 8), blocks=(1, 1), decoder_blocks=(1,)),
    decode_head=dict(type='mmirstd.IRSTDHead', in_channels=4, channels=4),
    test_cfg=dict(mode='whole'))
test_pipeline = [
    dict(type='LoadImageFromFile', _scope_='mmirstd', channels=1, intensity_range='raw'),
    dict(type='mmirstd.StandardizeImage'),
    dict(type='PackSegInputs'),
]
"""


@pytest.fixture
def published(tmp_path):
    """A folder as `find_model` takes it, and the model whose weights it contains."""
    folder = tmp_path / 'published'
    folder.mkdir()
    (folder / 'unet.py').write_text(CONFIG)
    init_default_scope('mmseg')
    torch.manual_seed(0)
    model = MODELS.build(Config.fromfile(folder / 'unet.py').model).eval()
    pack_weights(model.state_dict(), folder / 'unet.safetensors')
    describe(folder)
    return folder, model


def describe(folder, **changes):
    weights = folder / 'unet.safetensors'
    content = {
        'name': 'unet', 'summary': 'a model', 'config': 'unet.py', 'file': 'unet.safetensors',
        'sha256': sha256(weights), 'size': weights.stat().st_size, 'parameters': 1, 'macs': 1.0,
        'tile_size': 64, 'trained_on': 'nothing', 'licence': 'any',
    }  # fmt: skip
    (folder / 'model.json').write_text(json.dumps(content | changes))


def test_a_folder_gives_config_and_weights(published):
    folder, model = published
    image = np.random.default_rng(0).integers(0, 4000, (40, 33)).astype(np.uint16)
    detector = IRSTDInferencer(folder, fuse=False)
    loaded = detector.model.state_dict()
    for name, value in model.state_dict().items():
        assert torch.allclose(loaded[name].float(), value.float(), rtol=1e-3), name
    assert detector(image)[0].probability.shape == (40, 33)


def test_kernels_are_half_and_statistics_are_not(published):
    folder, _ = published
    stored = load_file(folder / 'unet.safetensors')
    kinds = {value.dtype for name, value in stored.items() if value.dim() > 1}
    assert kinds == {torch.float16}
    assert stored['backbone.encoder.entries.0.bn1.running_var'].dtype == torch.float32


def test_kernels_beyond_half_precision_are_refused(tmp_path):
    with pytest.raises(ValueError, match='conv does not fit into float16'):
        pack_weights({'conv': torch.full((2, 2), 1e6)}, tmp_path / 'x.safetensors')
    assert not list(tmp_path.iterdir())


def test_damaged_weights_are_refused_by_checksum(published):
    folder, _ = published
    weights = folder / 'unet.safetensors'
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(ValueError, match=r'unet\.safetensors is not the published file'):
        IRSTDInferencer(folder)


@pytest.mark.parametrize(
    ('change', 'message'),
    [({'colour': 1}, 'unknown fields colour'), ({'scores': [{'iou': 1}]}, 'a score has')],
)
def test_descriptions_are_checked(published, change, message):
    folder, _ = published
    describe(folder, **change)
    with pytest.raises(ValueError, match=message):
        find_model(folder)
    (folder / 'model.json').write_text('{"name": "unet"}')
    with pytest.raises(ValueError, match='lacks config, file'):
        find_model(folder)
    (folder / 'model.json').write_text('{"name"')
    with pytest.raises(ValueError, match=r'model\.json is not valid JSON'):
        find_model(folder)


def test_unknown_names_are_no_model_and_the_error_lists_what_exists():
    assert find_model('simirstd_nudt') is None
    with pytest.raises(KeyError, match='no weights are called'):
        get_model_info('enormous')


@pytest.fixture
def server(published):
    """A web server on this machine that counts what it delivers."""
    folder, _ = published
    served = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def do_GET(self):
            served.append(self.path)
            super().do_GET()

        def log_message(self, *_):
            pass

    handler = functools.partial(Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield f'http://127.0.0.1:{httpd.server_port}', folder, served
        httpd.shutdown()


def test_a_download_happens_once_and_is_checked(server, tmp_path, monkeypatch):
    url, folder, served = server
    monkeypatch.setenv('MMIRSTD_CACHE', str(tmp_path / 'cache'))
    digest = sha256(folder / 'unet.safetensors')
    first = fetch(f'{url}/unet.safetensors', '', digest)
    assert first.read_bytes() == (folder / 'unet.safetensors').read_bytes()
    assert fetch(f'{url}/unet.safetensors', '', digest) == first
    assert len(served) == 1
    with pytest.raises(ValueError, match=r'unet\.safetensors is not the published file'):
        fetch(f'{url}/unet.safetensors', '', hashlib.sha256(b'other').hexdigest())
    with pytest.raises(OSError, match=r'missing\.safetensors cannot be downloaded.*yourself'):
        fetch(f'{url}/missing.safetensors', '', digest)
    assert [p for p in (tmp_path / 'cache').rglob('*') if p.is_file()] == [first]


def test_processes_that_download_together_all_get_the_file(server, tmp_path):
    url, folder, _ = server
    digest = sha256(folder / 'unet.safetensors')
    program = (
        'import os; '
        f'os.environ["MMIRSTD_CACHE"] = {str(tmp_path / "cache")!r}; '
        'from mmirstd.weights.sources import fetch; '
        f'print(fetch({url + "/unet.safetensors"!r}, "", {digest!r}))'
    )
    runs = [
        subprocess.Popen([sys.executable, '-c', program], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    paths = {run.communicate(timeout=120)[0].strip() for run in runs}
    assert [run.returncode for run in runs] == [0] * 4
    assert len(paths) == 1
    assert sha256(paths.pop()) == digest


def test_a_hugging_face_repository_from_its_cache(published, tmp_path):
    folder, _ = published
    commit = '0' * 40
    repository = tmp_path / 'hub' / 'models--team--unet'
    snapshot = repository / 'snapshots' / commit
    snapshot.mkdir(parents=True)
    (repository / 'refs').mkdir()
    (repository / 'refs' / 'main').write_text(commit)
    for file in folder.iterdir():
        (snapshot / file.name).write_bytes(file.read_bytes())
    program = (
        'from mmirstd.weights import find_model; m = find_model("hf://team/unet"); '
        'print(m.name, m.config_file().name, m.weights_file().name); '
        'find_model("hf://team/other")'
    )
    environment = {'HF_HUB_CACHE': str(tmp_path / 'hub'), 'HF_HUB_OFFLINE': '1'}
    run = subprocess.run(
        [sys.executable, '-c', program], capture_output=True, text=True,
        env={**os.environ, **environment},
    )  # fmt: skip
    assert run.stdout.split() == ['unet', 'unet.py', 'unet.safetensors']
    assert 'hf://team/other/model.json cannot be downloaded' in run.stderr


def test_addresses_of_another_form_are_named():
    with pytest.raises(ValueError, match='must have the form hf://owner/repository/file'):
        fetch('hf://unet', '', '')


@pytest.mark.parametrize('name', list_models())
def test_published_weights_fit_their_config(name):
    info = get_model_info(name)
    file = info.weights_file()
    assert file.stat().st_size == info.size
    detector = IRSTDInferencer(name, fuse=False)
    assert sum(p.numel() for p in detector.model.parameters()) == info.parameters
    assert info.scores
    assert info.licence


def test_the_files_that_ship_stay_small():
    files = [get_model_info(name).weights_file() for name in list_models()]
    assert sum(file.stat().st_size for file in files) <= 4 * 2**20
