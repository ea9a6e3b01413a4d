"""Get a weights file from a folder, a web server or a Hugging Face repository.

A file is downloaded once to a cache and verified by its checksum. It gets its name in the cache
only when it is complete and correct, so any number of processes may fetch the same file.
"""

from __future__ import annotations

import shutil
import urllib.error
import urllib.request
from pathlib import Path

from mmirstd.io.folders import cache_folder
from mmirstd.io.hashing import sha256 as sha256_of
from mmirstd.io.outputs.atomic import atomic_path

HUB_PREFIX = 'hf://'


def fetch(file: str, folder: str | Path, sha256: str) -> Path:
    """The local path of a weights file with the given checksum.

    Args:
        file: A URL (``http(s)://``, ``file://``, ``hf://owner/repository/file``), or a path
            relative to ``folder``.
        folder: A local folder, or ``hf://owner/repository``.
        sha256: Checksum that the file must have.

    Raises:
        OSError: The file does not exist or cannot be downloaded; the message names it.
        ValueError: The content is not what was published; the message names both checksums.
    """
    if file.startswith(HUB_PREFIX) or str(folder).startswith(HUB_PREFIX):
        path = hub_file(file if file.startswith(HUB_PREFIX) else f'{folder}/{file}')
    elif '://' in file:
        return _downloaded(file, sha256)
    else:
        path = Path(folder) / file
        if not path.is_file():
            raise FileNotFoundError(f'weights {path} do not exist: reinstall or restore the folder')
    _check(path, sha256, str(path))
    return path


def _check(path: Path, sha256: str, source: str) -> None:
    found = sha256_of(path)
    if found != sha256:
        raise ValueError(
            f'{source} is not the published file: its SHA-256 is {found}, expected '
            f'{sha256}. Remove {path} and download it again.'
        )


def _downloaded(url: str, sha256: str) -> Path:
    target = cache_folder() / sha256[:16] / url.rpartition('/')[2]
    if target.is_file():
        _check(target, sha256, str(target))
        return target
    try:
        with (
            atomic_path(target) as temporary,
            urllib.request.urlopen(url, timeout=60) as response,
            temporary.open('wb') as file,
        ):
            shutil.copyfileobj(response, file)
            file.flush()
            _check(temporary, sha256, url)
    except urllib.error.URLError as error:
        raise OSError(
            f'{url} cannot be downloaded ({error}). Without network access put the file at '
            f'{target} yourself.'
        ) from error
    return target


def hub_file(address: str) -> Path:
    """A file of a Hugging Face repository, from its cache or downloaded.

    Args:
        address: ``hf://owner/repository[@revision]/file``.

    Raises:
        ImportError: ``huggingface_hub`` is not installed.
        OSError: The file cannot be downloaded and is not in the cache.
        ValueError: The address does not have this form.
    """
    owner, _, rest = address.removeprefix(HUB_PREFIX).partition('/')
    repository, _, file = rest.partition('/')
    repository, _, revision = repository.partition('@')
    if not (owner and repository and file):
        raise ValueError(f'{address} must have the form hf://owner/repository/file')
    try:
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
    except ImportError as error:
        raise ImportError(
            f"{address} needs the package huggingface_hub: pip install 'mmirstd[hub]'"
        ) from error
    try:
        return Path(hf_hub_download(f'{owner}/{repository}', file, revision=revision or None))
    except (HfHubHTTPError, LocalEntryNotFoundError) as error:
        raise OSError(f'{address} cannot be downloaded: {error}') from error
