"""Files that are either the old ones or the complete new ones, never half of either."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import shutil
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path


def _read_umask() -> int:
    """The process's umask. Reading it sets it for a moment, which other threads would see."""
    umask = os.umask(0o077)
    os.umask(umask)
    return umask


_UMASK = _read_umask()  # once, while the program is imported
_TEMPORARY = '.*.part*'
_NO_SPACE = tuple(
    getattr(errno, name) for name in ('ENOSPC', 'EDQUOT', 'EFBIG') if hasattr(errno, name)
)


@contextlib.contextmanager
def atomic_path(
    path: str | os.PathLike[str], *, sync: bool = True, keep_suffix: bool = False
) -> Iterator[Path]:
    """Yield the path of a temporary file that replaces ``path`` when the block succeeds.

    For libraries that write to a path themselves. Whatever interrupts the block (an exception,
    SIGKILL, a full disk, power), ``path`` holds its previous content or all of the new one.

    Args:
        path: The file to create or to replace; missing folders are created. The temporary file
            is in the same folder.
        sync: Flush the content to the disk before the file gets its name. Without it, a power
            failure may cost the file, which matters less where a run can be repeated.
        keep_suffix: Give the temporary file the suffix of ``path``, for libraries that insist on
            it. Otherwise no search for files of that suffix finds it.

    Raises:
        OSError: The write failed. The message names the file and, on a full disk, the free space;
            ``path`` is unchanged and the temporary file is gone.
    """
    path = Path(path)
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(
            f'.part{path.suffix}' if keep_suffix else '.part', f'.{path.name}.', path.parent
        )
        os.close(descriptor)
        temporary = Path(name)
        yield temporary
        if sync:
            with temporary.open('rb+') as file:
                os.fsync(file.fileno())
        # Temporary files are private; give this one the permissions of any new file.
        temporary.chmod(0o666 & ~_UMASK)
        os.replace(temporary, path)
    except OSError as error:
        raise explain_write_error(error, path, temporary) from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


def write_atomically(
    path: str | os.PathLike[str], content: bytes | memoryview | str, *, sync: bool = True
) -> None:
    """Write a whole file as :func:`atomic_path` does.

    Args:
        path: The file to create or to replace; missing folders are created.
        content: All of it; text becomes UTF-8.
        sync: As for :func:`atomic_path`.

    Raises:
        OSError: As for :func:`atomic_path`.
    """
    with atomic_path(path, sync=sync) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)


@contextlib.contextmanager
def atomic_buffer(path: str | os.PathLike[str]) -> Iterator[io.BytesIO]:
    """Yield a buffer whose content becomes ``path`` when the block succeeds.

    For writers that end the process when the disk is full: `torch.save` and
    `torch.export.save` throw in a C++ destructor then.

    Args:
        path: The file to create or to replace; missing folders are created.

    Raises:
        OSError: As for :func:`atomic_path`.
    """
    buffer = io.BytesIO()
    yield buffer
    write_atomically(path, buffer.getbuffer())


def append_line(path: str | os.PathLike[str], line: str) -> None:
    """Append ``line`` and a newline; a killed run may leave a last line without newline.

    Raises:
        OSError: As for :func:`atomic_path`.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open('a', encoding='utf-8') as file:
            file.write(f'{line}\n')
    except OSError as error:
        raise explain_write_error(error, path) from error


def is_interrupted_write(path: Path) -> bool:
    """Whether a killed :func:`atomic_path` left this file."""
    return path.match(_TEMPORARY)


def remove_interrupted_writes(
    folder: str | os.PathLike[str], *, recursive: bool = False, of: Collection[str] | None = None
) -> None:
    """Remove the temporary files that killed writes left in a folder, or below it.

    Args:
        folder: Where to look.
        recursive: Also in its sub-folders.
        of: Only those of files with these names; None removes all.
    """
    folder = Path(folder)
    for leftover in folder.rglob(_TEMPORARY) if recursive else folder.glob(_TEMPORARY):
        # ".NAME.random.part", perhaps with the suffix of NAME once more
        name = leftover.name[1:].rpartition('.part')[0].rpartition('.')[0]
        if of is None or name in of:
            leftover.unlink(missing_ok=True)


def explain_write_error(error: OSError, path: Path, temporary: Path | None = None) -> OSError:
    """An error that names the file and, where space ran out, how much is left.

    Args:
        error: What the system said.
        path: The file that was to be written.
        temporary: Another name for it, which the user does not know.

    Returns:
        ``error`` itself if it is about another file.
    """
    if error.filename is not None and Path(error.filename) not in (path, path.parent, temporary):
        return error  # it is about another file, which it names
    message = f'cannot write: {error.strerror or error}'
    if is_out_of_space(error):
        message += f'. {free_space(path) / 1e6:.1f} MB are free there'
        if error.errno == errno.EFBIG:
            message += ' and a limit on the size of files may be set (ulimit -f)'
        message += (
            '. What was written before is unharmed: free some space and give the same command again'
        )
    return OSError(error.errno, message, str(path))


def is_out_of_space(error: BaseException) -> bool:
    """Whether a disk, a quota or a limit on the size of files is exhausted."""
    return isinstance(error, OSError) and error.errno in _NO_SPACE


def free_space(path: Path) -> int:
    """Bytes that are free where ``path`` is, or will be."""
    return shutil.disk_usage(next(p for p in path.absolute().parents if p.is_dir())).free
