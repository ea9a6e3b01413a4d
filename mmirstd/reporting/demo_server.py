"""Access rules and disk limit of the demo server; plain ASGI, no web framework."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; media-src 'self' blob:; "
    "font-src 'self' data:; "
    "connect-src 'self' data: blob:; worker-src 'self' blob:; frame-ancestors 'none'"
)
"""The browser may load only content of this server, and not in the frame of another page."""

HEADERS = (
    (b'content-security-policy', POLICY.encode()),
    (b'x-frame-options', b'DENY'),
    (b'x-content-type-options', b'nosniff'),
    (b'referrer-policy', b'no-referrer'),
)

KEPT_BYTES = 256 * 2**20
"""Largest size of uploads and results; the oldest files are removed above it."""


class Guard:
    """ASGI middleware that accepts only requests for known host names and adds `HEADERS`.

    Another website could make its host name resolve to this machine (DNS rebinding) and read the
    responses. Such requests contain its host name. Numeric addresses are allowed, because they
    cannot be misused in this way.

    Args:
        app: The application.
        names: Allowed host names in addition to those of the machine.
    """

    def __init__(self, app: Callable[..., Awaitable], names: Iterable[str] = ()) -> None:
        self.app = app
        own = {'localhost', socket.gethostname(), socket.getfqdn()}
        self.names = {name.lower() for name in (*names, *own)}

    async def __call__(self, scope: dict, receive: Callable, send: Callable) -> None:
        """Answer one request."""
        if scope['type'] == 'lifespan':
            await self.app(scope, receive, send)
            return
        host = dict(scope.get('headers', ())).get(b'host', b'').decode('latin-1')
        if not self.allows(host):
            await _refuse(scope, send, host)
            return

        async def send_with_headers(message: dict) -> None:
            if message['type'] == 'http.response.start':
                message = {**message, 'headers': [*message.get('headers', ()), *HEADERS]}
            await send(message)

        await self.app(scope, receive, send_with_headers)

    def allows(self, host: str) -> bool:
        """Whether a ``Host`` header is a numeric address or a known name, with or without port."""
        name = host.lower()
        if name.startswith('['):  # IPv6
            name = name[1:].partition(']')[0]
        elif name.count(':') == 1:
            name = name.partition(':')[0]
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return name.rstrip('.') in self.names
        return True


async def _refuse(scope: dict, send: Callable, host: str) -> None:
    if scope['type'] == 'websocket':
        await send({'type': 'websocket.close', 'code': 1008})
        return
    text = f'{host!r} is not a name of this server. Start it with --allow-host NAME to add one.\n'
    headers = [(b'content-type', b'text/plain; charset=utf-8'), *HEADERS]
    await send({'type': 'http.response.start', 'status': 421, 'headers': headers})
    await send({'type': 'http.response.body', 'body': text.encode('ascii', 'replace')})


def remove_oldest(folder: str | Path, keep: int = KEPT_BYTES) -> None:
    """Remove the oldest files below a folder until the others take at most ``keep`` bytes."""
    files = []
    for path in Path(folder).rglob('*'):
        try:
            status = path.lstat()
        except FileNotFoundError:  # removed by another request
            continue
        if not path.is_dir():
            files.append((status.st_mtime_ns, status.st_size, path))
    total = 0
    for _, size, path in sorted(files, reverse=True):
        total += size
        if total > keep:
            path.unlink(missing_ok=True)
