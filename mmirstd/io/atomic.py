"""Files that are either the old ones or the complete new ones, never half of either."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

TEMPORARY_SUFFIX = '.part'


def write_atomically(content: bytes, path: str | os.PathLike[str]) -> None:
    """Write to a temporary file in the same folder, flush it to the disk, then rename it.

    Whatever interrupts the write (SIGKILL, a full disk, power), ``path`` holds its previous
    content or all of ``content``.

    Args:
        content: The whole content.
        path: The file to create or to replace; missing folders are created.

    Raises:
        OSError: The write failed. The message names the file, its size and the free space;
            ``path`` is unchanged and the temporary file is gone.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(
            dir=path.parent, prefix=f'.{path.name}.', suffix=TEMPORARY_SUFFIX, delete=False
        ) as file:
            temporary = Path(file.name)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # Temporary files are private; give this one the permissions of any new file.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
    except OSError as error:
        free = shutil.disk_usage(path.parent).free
        raise OSError(
            error.errno,
            f'{error.strerror or error}: could not write {len(content) / 1e6:.1f} MB, '
            f'{free / 1e6:.1f} MB are free there; an earlier version of the file is unharmed',
            str(path),
        ) from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


def remove_interrupted_writes(folder: str | os.PathLike[str]) -> None:
    """Remove the temporary files that killed :func:`write_atomically` calls left behind."""
    for leftover in Path(folder).glob(f'.*{TEMPORARY_SUFFIX}'):
        leftover.unlink(missing_ok=True)
