"""Reading checkpoints without running code from the file.

A pickle can execute anything while it is read. Every checkpoint that mmirstd opens, and, once a
config names an ``mmirstd.`` component, every local or http(s) checkpoint that MMEngine opens for
``--resume``, ``load_from``, ``init_cfg`` and ``mim test``, is therefore read by
``torch.load(weights_only=True)``. The maintained fork 0.10.12 by itself reads a pickle whenever the
safe way fails.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from mmirstd.io.checkpoint_formats import damage, is_safetensors
from mmirstd.weights import find_weights
from mmirstd.wording import format_count

TRUST_PICKLES = 'TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD'
"""Environment variable of PyTorch by which a user declares that the files may run code."""


def load_checkpoint(
    path: str | os.PathLike[str], map_location: str | torch.device | Any = 'cpu'
) -> dict[str, Any]:
    """Read a checkpoint as tensors, plain containers and MMEngine's log history.

    Args:
        path: The file; ``~`` is expanded. Files of the format safetensors hold weights only. Where
            there is no such file, the trained weights of this name (`mmirstd.apis.list_models`).
        map_location: As in ``torch.load``.

    Returns:
        The dictionary in the file, e.g. with the keys ``meta``, ``state_dict``, ``optimizer``,
        ``param_schedulers`` and ``message_hub``. Weights in another well-known container
        (``model``, ``net``, ...) are under ``state_dict`` too; prefixes that wrappers put before
        every name (``module.``, ``_orig_mod.``) are removed.

    Raises:
        FileNotFoundError: There is neither such a file nor a name.
        ValueError: The file is incomplete, no checkpoint, holds objects that could run code, or
            is not a dictionary. The message names the file and what to do.
    """
    named = path
    path = Path(path).expanduser()
    if not path.is_file():
        found = find_weights(named)
        if found is None:
            raise FileNotFoundError(f'Checkpoint {path} does not exist.{_other_checkpoints(path)}')
        path = found
    if path.stat().st_size and (path.suffix == '.safetensors' or is_safetensors(path)):
        return {'state_dict': without_wrappers(_load_safetensors(path))}
    if reason := damage(path):
        raise ValueError(f'Checkpoint {path} {reason}.{_other_checkpoints(path)}')
    allow_training_state()
    try:
        checkpoint = torch.load(
            path, map_location=map_location, weights_only=not _pickles_are_trusted()
        )
    except pickle.UnpicklingError as error:
        raise ValueError(
            f'Checkpoint {path} contains more than tensors and training state, so reading it could '
            f'run code from the file ({_reason(error)}). {_whole_model(error, path)}Ask its author '
            'for a file with the state_dict only or, if you trust the source, set '
            f'{TRUST_PICKLES}=1 for this command.'
        ) from error
    except (ModuleNotFoundError, AttributeError) as error:
        raise ValueError(
            f'Checkpoint {path} is a pickle of classes that cannot be imported ({error}). Run '
            'where its original code can be imported, and save the weights alone there: '
            f'{_SAVE_WEIGHTS}'
        ) from error
    except Exception as error:  # a damaged pickle raises many types
        raise ValueError(
            f'Checkpoint {path} cannot be read ({_reason(error)}).{_other_checkpoints(path)}'
        ) from error
    if isinstance(checkpoint, nn.Module):  # pickles are trusted
        checkpoint = {'state_dict': checkpoint.state_dict()}
    if not isinstance(checkpoint, dict):
        raise ValueError(
            f'Checkpoint {path} contains a {type(checkpoint).__name__} instead of a dictionary '
            'with the weights.'
        )
    return _with_state_dict(checkpoint)


CONTAINERS = ('state_dict', 'model_state_dict', 'model', 'net', 'network', 'weights', 'params')
"""Keys under which training programs save weights."""

_WRAPPERS = ('module.', '_orig_mod.')
"""What DataParallel and torch.compile put before every name."""

_SAVE_WEIGHTS = (
    "torch.save({'state_dict': torch.load(FILE, weights_only=False).state_dict()}, 'weights.pth')"
)


def _with_state_dict(checkpoint: dict[str, Any]) -> dict[str, Any]:
    """Put the weights under ``state_dict``, wherever they are, without prefixes of wrappers."""
    for key in CONTAINERS:
        value = checkpoint.get(key)
        if isinstance(value, nn.Module):  # pickles are trusted
            value = value.state_dict()
        if isinstance(value, Mapping) and _are_weights(value):
            return {**checkpoint, 'state_dict': without_wrappers(value)}
    if _are_weights(checkpoint):
        return dict(without_wrappers(checkpoint))
    return checkpoint


def _are_weights(values: Mapping[Any, Any]) -> bool:
    return bool(values) and all(isinstance(value, Tensor) for value in values.values())


def without_wrappers(state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Remove prefixes that wrappers have put before every name."""
    while prefix := next(
        (p for p in _WRAPPERS if state and all(str(key).startswith(p) for key in state)), None
    ):
        state = {key.removeprefix(prefix): value for key, value in state.items()}
    return state


def _whole_model(error: Exception, path: Path) -> str:
    """A sentence about files that seem to contain a whole model."""
    found = re.search(r'GLOBAL (\S+)', str(error))
    if found is None or found[1].startswith(('__builtin__', 'builtins', 'posix', 'nt')):
        return ''
    return (
        f'It seems to be a whole pickled model (class {found[1]}) instead of weights; where that '
        f'class can be imported and the file is trusted, save the weights alone: {_SAVE_WEIGHTS}. '
    )


def _load_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise ValueError(
            f'{path} cannot be read as safetensors ({error}): it is damaged or has another format.'
        ) from error


def allow_training_state() -> None:
    """Let ``torch.load(weights_only=True)`` read the optimiser and log state of MMEngine.

    Besides the weights, MMEngine checkpoints contain ``HistoryBuffer`` objects and numpy arrays and
    scalars. Only data containers and their constructors are allowed; none runs code from the file.
    """
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
            f'{source} does not belong to this config, whose model has '
            f'{format_count(len(own), "weight")}: {"; ".join(complaints)}'
        )


KEEP_MMENGINE = 'MMIRSTD_KEEP_MMENGINE'
"""Environment variable by which a user keeps MMEngine's own parts; see docs/how_to/install.md."""


def keeps_mmengine() -> bool:
    """Whether the user does not want parts of MMEngine to be replaced."""
    return os.environ.get(KEEP_MMENGINE, '').lower() in {'1', 'y', 'yes', 'true'}


def use_safe_loaders() -> None:
    """Make MMEngine read local and http(s) checkpoints through :func:`load_checkpoint`.

    Its ``CheckpointLoader`` is built for such replacement. The remaining schemes (s3, petrel,
    torchvision, openmmlab, mmcls) keep MMEngine's own loaders. With the environment variable
    ``MMIRSTD_KEEP_MMENGINE=1`` nothing is replaced.
    """
    if keeps_mmengine():
        return
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
        RuntimeError: The file cannot be downloaded, or its name carries a hash
            (``name-0123abcd.pth``) that the content does not have; raised in every process.
    """
    from mmengine.dist import all_gather_object

    cached = download_cached(filename)
    failure = None
    # One process of each machine downloads, because machines need not share a disk.
    if int(os.environ.get('LOCAL_RANK', 0)) == 0 and not cached.is_file():
        try:
            _download(filename, cached)
        except Exception as error:
            failure = f'{filename} cannot be downloaded: {type(error).__name__}: {error}'
    # All processes wait here, and all of them receive the failure of any.
    failures = [each for each in all_gather_object(failure) if each]
    if failures:
        raise RuntimeError(failures[0])
    return load_checkpoint(cached, map_location=map_location)


def download_cached(url: str) -> Path:
    """Path of the downloaded file of a URL; it differs for equal names at different addresses."""
    name = url.partition('?')[0].rpartition('/')[2] or 'checkpoint'
    folder = hashlib.sha256(url.encode()).hexdigest()[:16]
    return Path(torch.hub.get_dir()) / 'checkpoints' / folder / name


def _download(url: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    sha256 = re.search(r'-([0-9a-f]{8,64})\.[^.]+$', path.name)
    torch.hub.download_url_to_file(
        url, str(path), hash_prefix=sha256[1] if sha256 else None, progress=False
    )


def _pickles_are_trusted() -> bool:
    return os.environ.get(TRUST_PICKLES, '').lower() in {'1', 'y', 'yes', 'true'}


def _other_checkpoints(path: Path) -> str:
    """A sentence about the intact checkpoints in the same folder, newest first, or empty."""
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
    # best_*.pth contain no optimiser state.
    resumable = [other for other in others if not other.name.startswith('best_')]
    if resumable:
        sentence += f' To continue from one: `--resume --cfg-options load_from={resumable[0]}`.'
    return sentence


def _reason(error: Exception) -> str:
    """The complaint of PyTorch, without its advice on how to switch the check off."""
    found = re.search(r'[^\n]*\b[Uu]nsupported \S[^\n]*?(?= was not an allowed|\n|$)', str(error))
    first_line = str(error).partition('\n')[0]
    return (found[0] if found else first_line).strip() or type(error).__name__
