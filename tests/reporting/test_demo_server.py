"""The server of the demo page: whom it answers and what it keeps; needs no web framework."""

import asyncio
import os

import pytest

from mmirstd.reporting.demo_server import HEADERS, Guard, remove_oldest


async def app(scope, receive, send):
    await send({'type': 'http.response.start', 'status': 200, 'headers': [(b'a', b'b')]})
    await send({'type': 'http.response.body', 'body': b'page'})


def ask(host, kind='http', **options):
    sent = []

    async def send(message):
        sent.append(message)

    headers = [] if host is None else [(b'host', host)]
    guard = Guard(app, **options)
    asyncio.run(guard({'type': kind, 'headers': headers}, None, send))
    return sent


@pytest.mark.parametrize(
    'host', [b'localhost', b'LocalHost:7860', b'127.0.0.1:7860', b'[::1]:7860', b'10.0.0.7', b'::1']
)
def test_own_names_and_number_addresses_are_answered(host):
    start, body = ask(host)
    assert (start['status'], body['body']) == (200, b'page')
    headers = dict(start['headers'])
    assert headers[b'a'] == b'b'
    assert b"frame-ancestors 'none'" in headers[b'content-security-policy']
    assert headers[b'x-frame-options'] == b'DENY'


@pytest.mark.parametrize(
    'host',
    [b'evil.example', b'localhost.evil.example:7860', b'127.0.0.1.evil.example', b'', b'[evil]:1',
     b'localhost@evil.example', b'xn--\xff', None],
)  # fmt: skip
def test_other_names_are_refused(host):
    start, body = ask(host)
    assert start['status'] == 421
    assert b'--allow-host' in body['body']
    assert set(HEADERS) <= set(start['headers'])
    assert ask(host, kind='websocket') == [{'type': 'websocket.close', 'code': 1008}]


def test_names_can_be_added():
    assert ask(b'Proxy.Example:443', names=['proxy.example'])[0]['status'] == 200


def test_the_oldest_files_go_first(tmp_path):
    for k in range(10):
        path = tmp_path / f'answer_{k}' / 'mask.png'
        path.parent.mkdir()
        path.write_bytes(bytes(100))
        os.utime(path, (k, k))
    remove_oldest(tmp_path, 350)
    assert sorted(p.parent.name for p in tmp_path.rglob('*.png')) == [
        'answer_7', 'answer_8', 'answer_9'
    ]  # fmt: skip
    remove_oldest(tmp_path, 10**6)
    assert len(list(tmp_path.rglob('*.png'))) == 3
