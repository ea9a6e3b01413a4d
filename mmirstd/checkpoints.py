"""Reading checkpoints without running code from the file.

A pickle can execute anything while it is read. Every checkpoint that mmirstd opens, and, once a
config names an ``mmirstd.`` component, every local or http(s) checkpoint that MMEngine opens for
``--resume``, ``load_from``, ``init_cfg`` and ``mim test``, is therefore read by
``torch.load(weights_only=True)``. MMEngine by itself reads pickles: 0.10.7 under torch < 2.6,
the maintained fork 0.10.12 whenever the safe way fails.
"""

from __future__ import annotations

import os
import pickle
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

TRUST_PICKLES = 'TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD'
"""Environment variable of PyTorch by which a user declares that the files may run code."""


def load_checkpoint(
    path: str | os.PathLike[str], map_location: str | torch.device | Any = 'cpu'
) -> dict[str, Any]:
    """Read a local checkpoint as tensors, plain containers and MMEngine's log history.

    Args:
        path: The file; ``~`` is expanded. ``.safetensors`` files hold weights only.
        map_location: As in ``torch.load``.

    Returns:
        The dictionary in the file, e.g. with the keys ``meta``, ``state_dict``, ``optimizer``,
        ``param_schedulers`` and ``message_hub``.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is incomplete, no checkpoint, holds objects that could run code, or
            is not a dictionary. The message names the file and what to do.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f'Checkpoint {path} does not exist.{_other_checkpoints(path)}')
    if path.suffix == '.safetensors':
        return {'state_dict': _load_safetensors(path)}
    if reason := damage(path):
        raise ValueError(f'Checkpoint {path} {reason}.{_other_checkpoints(path)}')
    allow_training_state()
    try:
        checkpoint = torch.load(
            path, map_location=map_location, weights_only=not _pickles_are_trusted()
        )
    except pickle.UnpicklingError as error:
        old = 'torch < 2.6 cannot tell training state from code. ' * (_torch_version() < (2, 6))
        raise ValueError(
            f'Checkpoint {path} holds more than tensors and training state, so reading it could '
            f'run code from the file ({_reason(error)}). {old}Ask its author for a file with the '
            f'state_dict only or, if you trust the source, set {TRUST_PICKLES}=1 for this command.'
        ) from error
    except Exception as error:  # a damaged pickle raises many types
        raise ValueError(
            f'Checkpoint {path} cannot be read ({_reason(error)}).{_other_checkpoints(path)}'
        ) from error
    if not isinstance(checkpoint, dict):
        raise ValueError(
            f'Checkpoint {path} holds a {type(checkpoint).__name__}, expected a dictionary with '
            'the weights.'
        )
    return checkpoint


def _load_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise ValueError(
            f'{path} cannot be read as safetensors ({error}): it is damaged or of another format.'
        ) from error


def allow_training_state() -> None:
    """Let ``torch.load(weights_only=True)`` read the optimiser and log state of MMEngine.

    MMEngine checkpoints hold ``HistoryBuffer`` objects and numpy arrays and scalars beside the
    weights. Declared are data containers and their makers only; none runs code from the file.
    Before torch 2.6 nothing can be declared under another name: such files then need the
    explicit opt-in that :func:`load_checkpoint` names.
    """
    if _torch_version() < (2, 6):
        return
    import numpy as np

    core = getattr(np, '_core', None) or np.core
    makers = [core.multiarray._reconstruct, core.multiarray.scalar]
    containers = {type(np.dtype(kind)) for kind in ('f4', 'f8', 'i4', 'i8', 'u1', 'u4', 'bool')}
    allowed: list[Any] = [np.ndarray, np.dtype, *containers]
    # numpy 2 renamed the module: files written under either version read under both.
    for package in ('numpy.core', 'numpy._core'):
        allowed += [(maker, f'{package}.multiarray.{maker.__name__}') for maker in makers]
    try:
        from mmengine.logging import HistoryBuffer
    except ImportError:  # weights alone can be read without MMEngine
        pass
    else:
        allowed += [HistoryBuffer, (_statistic_of_history, 'builtins.getattr')]
    torch.serialization.add_safe_globals(allowed)


def _statistic_of_history(owner: Any, name: str) -> Any:
    """Stand-in for the ``getattr`` by which a pickled ``HistoryBuffer`` refers to its methods.

    The real one would let a file reach any attribute of any object, ``builtins.eval`` included,
    and plant it in ``HistoryBuffer``, which calls what the file names.
    """
    from mmengine.logging import HistoryBuffer

    if owner is not HistoryBuffer or name not in {'min', 'max', 'mean', 'current'}:
        raise pickle.UnpicklingError(f'unsupported attribute {name!r} of {owner!r}')
    return getattr(owner, name)


def check_fit(state: Mapping[str, Any], own: Mapping[str, Tensor], source: str) -> None:
    """Refuse weights that are not exactly those of a model.

    Args:
        state: The weights of a checkpoint.
        own: The state dict of the model.
        source: Name of the checkpoint for the message.

    Raises:
        ValueError: Weights are missing, unknown or of another shape; the message says which.
    """
    missing = [key for key in own if key not in state]
    unknown = [key for key in state if key not in own]
    misshapen = [
        f'{key} {tuple(state[key].shape)} instead of {tuple(own[key].shape)}'
        for key in own
        if key in state and state[key].shape != own[key].shape
    ]
    complaints = [
        f'{len(keys)} {what}, such as {", ".join(map(str, keys[:3]))}'
        for what, keys in (
            ('missing', missing),
            ('unknown', unknown),
            ('of another shape', misshapen),
        )
        if keys
    ]
    if complaints:
        raise ValueError(
            f'{source} does not belong to this config, whose model has {len(own)} weights: '
            f'{"; ".join(complaints)}'
        )


def use_safe_loaders() -> None:
    """Make MMEngine read local and http(s) checkpoints through :func:`load_checkpoint`.

    Its ``CheckpointLoader`` is built for such replacement. The remaining schemes (s3, petrel,
    torchvision, openmmlab, mmcls) keep MMEngine's own loaders.
    """
    from mmengine.runner import CheckpointLoader

    CheckpointLoader.register_scheme('', load_from_local_weights_only, force=True)
    CheckpointLoader.register_scheme(
        ('http://', 'https://'), load_from_http_weights_only, force=True
    )


# MMEngine logs the names of loaders without their first ten letters, 'load_from_'.
def load_from_local_weights_only(filename: str, map_location: Any) -> dict[str, Any]:
    """Loader of MMEngine's ``CheckpointLoader`` for local files."""
    return load_checkpoint(filename, map_location=map_location)


def load_from_http_weights_only(filename: str, map_location: Any = None) -> dict[str, Any]:
    """Loader of MMEngine's ``CheckpointLoader`` for http(s): download once, then read safely.

    Raises:
        RuntimeError: The name of the file carries a hash (``name-0123abcd.pth``) that the
            content does not have.
    """
    from mmengine.dist import barrier, is_main_process

    name = filename.partition('?')[0].rpartition('/')[2]
    cached = Path(torch.hub.get_dir()) / 'checkpoints' / name
    if is_main_process() and not cached.is_file():
        cached.parent.mkdir(parents=True, exist_ok=True)
        sha256 = re.search(r'-([0-9a-f]{8,64})\.[^.]+$', name)
        torch.hub.download_url_to_file(
            filename, str(cached), hash_prefix=sha256[1] if sha256 else None, progress=False
        )
    barrier()
    return load_checkpoint(cached, map_location=map_location)


def _torch_version() -> tuple[int, int]:
    major, minor = torch.__version__.split('.')[:2]
    return int(major), int(minor)


def _pickles_are_trusted() -> bool:
    return os.environ.get(TRUST_PICKLES, '').lower() in {'1', 'y', 'yes', 'true'}


def damage(path: Path) -> str:
    """What the first and last bytes say is wrong with the file; empty when nothing."""
    size = path.stat().st_size
    with path.open('rb') as file:
        start = file.read(2)
    if not start:
        return 'is empty'
    if start == b'PK':  # torch >= 1.6 writes a zip archive; its directory comes last
        try:
            whole = zipfile.is_zipfile(path)
        except zipfile.BadZipFile:  # an end record that claims several disks, for instance
            whole = False
        return '' if whole else f'is incomplete ({size} bytes were written)'
    return '' if start[0] == 0x80 else 'is not a PyTorch checkpoint'


def _other_checkpoints(path: Path) -> str:
    """A sentence on the intact checkpoints beside ``path``, newest first; empty without any."""
    others = [
        other
        for pattern in ('epoch_*.pth', 'iter_*.pth', 'best_*.pth')  # as training names them
        for other in path.parent.glob(pattern)
        if other != path and not damage(other)
    ]
    if not others:
        return ''
    others.sort(key=lambda other: other.stat().st_mtime, reverse=True)
    sentence = f' Intact in the same folder: {", ".join(other.name for other in others[:5])}.'
    # best_*.pth hold no optimiser state.
    resumable = [other for other in others if not other.name.startswith('best_')]
    if resumable:
        sentence += f' To train on from one: `--resume --cfg-options load_from={resumable[0]}`.'
    return sentence


def _reason(error: Exception) -> str:
    """What PyTorch complains about, without its advice on how to switch the check off."""
    found = re.search(r'[^\n]*\b[Uu]nsupported \S[^\n]*?(?= was not an allowed|\n|$)', str(error))
    first_line = str(error).partition('\n')[0]
    return (found[0] if found else first_line).strip() or type(error).__name__
