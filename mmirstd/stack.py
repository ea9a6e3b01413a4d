"""Which OpenMMLab family is installed: the only file that knows.

Two families provide the same import names (``mmengine``, ``mmcv``, ``mmseg``): the maintained
forks (distributions ``onedl-*``) and OpenMMLab's own releases. mmirstd runs on either, but not
on a mixture, because the second installation overwrites files of the first.
"""

from __future__ import annotations

from importlib import metadata

FAMILIES: dict[str, tuple[str, ...]] = {
    'onedl': ('onedl-mmengine', 'onedl-mmcv', 'onedl-mmsegmentation'),
    'openmmlab': ('mmengine', 'mmcv', 'mmsegmentation'),
}
"""Family name -> the distributions that it needs."""

INSTALL_HINT = (
    "Install exactly one family into a fresh environment: `pip install 'mmirstd[onedl]'` "
    '(maintained forks, no compiler needed) or the OpenMMLab releases as docs/install.md shows.'
)


def _is_installed(distribution: str) -> bool:
    try:
        metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True


def installed_family() -> str:
    """Return ``'onedl'`` or ``'openmmlab'``, whichever family is completely installed.

    Raises:
        ImportError: No family is complete, or parts of both are installed. The message lists
            what was found and how to repair it.
    """
    found = {
        family: [name for name in names if _is_installed(name)]
        for family, names in FAMILIES.items()
    }
    present = {family: names for family, names in found.items() if names}
    if len(present) > 1:
        parts = ' and '.join(', '.join(names) for names in present.values())
        raise ImportError(
            f'mmirstd found a mixed OpenMMLab stack: {parts}. The two families overwrite each '
            f"other's files, so uninstall all of them first. {INSTALL_HINT}"
        )
    for family, names in present.items():
        missing = sorted(set(FAMILIES[family]) - set(names))
        if missing:
            raise ImportError(
                f'mmirstd needs {", ".join(missing)} beside {", ".join(names)}. {INSTALL_HINT}'
            )
        return family
    raise ImportError(f'mmirstd needs mmengine, mmcv and mmsegmentation. {INSTALL_HINT}')


def allow_training_state() -> None:
    """Let ``torch.load(weights_only=True)`` read the optimiser and log state of MMEngine.

    MMEngine checkpoints hold ``HistoryBuffer`` objects and numpy scalars beside the weights.
    Since torch 2.6 loads with ``weights_only=True`` by default, they have to be declared, or
    resuming and testing fail. Declared are data containers only; none runs code from the file.
    """
    import numpy as np
    import torch
    from mmengine.logging import HistoryBuffer

    add_safe_globals = getattr(torch.serialization, 'add_safe_globals', None)
    if add_safe_globals is None:  # torch < 2.4 loads pickles anyway
        return
    scalar_types = {type(np.dtype(kind)) for kind in ('f4', 'f8', 'i4', 'i8', 'u1', 'bool')}
    core = getattr(np, '_core', None) or np.core
    add_safe_globals(
        [
            HistoryBuffer,
            np.ndarray,
            np.dtype,
            *sorted(scalar_types, key=repr),
            core.multiarray._reconstruct,
            core.multiarray.scalar,
        ]
    )
