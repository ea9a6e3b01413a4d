"""Detection of the installed OpenMMLab family.

Two families provide the same import names (``mmengine``, ``mmcv``, ``mmseg``): the maintained
forks (distributions ``onedl-*``) and OpenMMLab's own releases. mmirstd runs on either, but not
on a mixture, because the second installation overwrites files of the first.
"""

from __future__ import annotations

import importlib.util
import runpy
from collections.abc import Iterable
from contextlib import suppress
from importlib import metadata
from pathlib import Path

FAMILIES: dict[str, tuple[str, ...]] = {
    'onedl': ('onedl-mmengine', 'onedl-mmcv', 'onedl-mmsegmentation'),
    'openmmlab': ('mmengine', 'mmcv', 'mmsegmentation'),
}
"""Family name -> the distributions that it needs."""

INSTALL_HINT = (
    'Install exactly one family into a fresh environment: the extra `mmirstd[onedl]` (maintained '
    'forks, no compiler needed) or the OpenMMLab releases, as docs/how_to/install.md shows.'
)


class StackError(RuntimeError):
    """No family is complete, or parts of both are installed.

    Not an ImportError: MMEngine takes one from a registry module to mean that there is no such
    scope, and the message would be lost.
    """


def installed_versions(distributions: Iterable[str]) -> dict[str, str]:
    """Name -> version of those distributions that are installed."""
    versions = {}
    for name in distributions:
        with suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    return versions


def installed_family() -> str:
    """Return ``'onedl'`` or ``'openmmlab'``, whichever family is completely installed.

    Raises:
        StackError: No family is complete, or parts of both are installed. The message lists
            what was found and how to repair it.
    """
    found = {family: list(installed_versions(names)) for family, names in FAMILIES.items()}
    present = {family: names for family, names in found.items() if names}
    if len(present) > 1:
        parts = ' and '.join(', '.join(names) for names in present.values())
        raise StackError(
            f'mmirstd found a mixed OpenMMLab stack: {parts}. The two families overwrite each '
            f"other's files, so uninstall all of them first. {INSTALL_HINT}"
        )
    for family, names in present.items():
        missing = sorted(set(FAMILIES[family]) - set(names))
        if missing:
            raise StackError(
                f'mmirstd needs {", ".join(missing)} in addition to {", ".join(names)}. '
                f'{INSTALL_HINT}'
            )
        return family
    raise StackError(f'mmirstd needs mmengine, mmcv and mmsegmentation. {INSTALL_HINT}')


def mmseg_tool(name: str) -> Path:
    """Path of a script that MMSegmentation ships, e.g. ``'train'`` or ``'test'``.

    Raises:
        FileNotFoundError: The installed MMSegmentation has no such script.
    """
    spec = importlib.util.find_spec('mmseg')
    if spec is None or spec.origin is None:
        raise FileNotFoundError(f'mmseg is not installed. {INSTALL_HINT}')
    package = Path(spec.origin).parent
    # In a wheel, and in an editable installation of its repository.
    candidates = [folder / 'tools' / f'{name}.py' for folder in (package / '.mim', package.parent)]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise FileNotFoundError(
        f'MMSegmentation has no tool {name!r}: looked for {" and ".join(map(str, candidates))}'
    )


def run_mmseg_tool(name: str) -> None:
    """Run a script that MMSegmentation ships, with the arguments of this process."""
    runpy.run_path(str(mmseg_tool(name)), run_name='__main__')
