"""Files with either their old content or all of the new content."""

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
    """The process's umask, which can be read only by setting it for a moment."""
    umask = os.umask(0o077)
    os.umask(umask)
    return umask


_UMASK = _read_umask()  # at import, before other threads could notice
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
    SIGKILL, a full disk, a power failure), ``path`` has its old content or all of the new content.

    Args:
        path: The file to create or to replace; missing folders are created. The temporary file
            is in the same folder.
        sync: Flush the content to the disk before the file gets its name. Without it, a power
            failure may cost the file, which matters less if the run can be repeated.
        keep_suffix: Give the temporary file the suffix of ``path``, for libraries that require it.
            Without it, no search for files with that suffix finds the temporary file.

    Raises:
        OSError: The write failed. The message names the file and, on a full disk, the free space;
            ``path`` is unchanged and the temporary file is removed.
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
    """Write a whole file, text as UTF-8; arguments and errors are those of :func:`atomic_path`."""
    with atomic_path(path, sync=sync) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)


@contextlib.contextmanager
def atomic_buffer(path: str | os.PathLike[str]) -> Iterator[io.BytesIO]:
    """Yield a buffer whose content becomes ``path`` when the block succeeds.

    For `torch.save` and `torch.export.save`: on a full disk, they throw in a C++ destructor and so
    end the process. Errors are those of :func:`atomic_path`.
    """
    buffer = io.BytesIO()
    yield buffer
    write_atomically(path, buffer.getbuffer())


def append_line(path: str | os.PathLike[str], line: str) -> None:
    """Append ``line`` and a newline; a killed run may leave a last line without newline.

    Raises:
        OSError: See :func:`write_errors`.
    """
    path = Path(path)
    make_folder_of(path)
    with write_errors(path), path.open('a', encoding='utf-8') as file:
        file.write(f'{line}\n')


@contextlib.contextmanager
def write_errors(path: Path) -> Iterator[None]:
    """Let write errors in the block name the file and, on a full disk, the free space."""
    try:
        yield
    except OSError as error:
        raise explain_write_error(error, path) from error


def make_folder_of(path: Path) -> None:
    """Make the missing folders of a file that is to be written.

    Raises:
        OSError: See :func:`write_errors`.
    """
    with write_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)


def is_interrupted_write(path: Path) -> bool:
    """Whether this is a temporary file of a killed :func:`atomic_path`."""
    return path.match(_TEMPORARY)


def remove_interrupted_writes(
    folder: str | os.PathLike[str], *, recursive: bool = False, of: Collection[str] | None = None
) -> None:
    """Remove the temporary files that killed writes left in a folder.

    Args:
        folder: Folder to search.
        recursive: Search its sub-folders, too.
        of: Names of the files whose temporary files are removed; None for all.
    """
    folder = Path(folder)
    for leftover in folder.rglob(_TEMPORARY) if recursive else folder.glob(_TEMPORARY):
        # ".NAME.random.part", possibly followed by the suffix of NAME
        name = leftover.name[1:].rpartition('.part')[0].rpartition('.')[0]
        if of is None or name in of:
            leftover.unlink(missing_ok=True)


def explain_write_error(error: OSError, path: Path, temporary: Path | None = None) -> OSError:
    """An error that names the file and, if space ran out, how much is free.

    Args:
        error: Error of the system.
        path: The file to write.
        temporary: Another name for it, which the user does not know.

    Returns:
        The new error, or ``error`` itself if it is about another file, which it names.
    """
    if error.filename is not None and Path(error.filename) not in (path, path.parent, temporary):
        return error
    message = f'cannot write: {error.strerror or error}'
    if is_out_of_space(error):
        message += f'. {free_space(path) / 1e6:.1f} MB are free there'
        if error.errno == errno.EFBIG:
            message += ' and a limit on the size of files may be set (ulimit -f)'
        message += '. Earlier files are intact: free some space and give the same command again'
    return OSError(error.errno, message, str(path))


def is_out_of_space(error: BaseException) -> bool:
    """Whether a disk, a quota or a limit on file sizes is exhausted."""
    return isinstance(error, OSError) and error.errno in _NO_SPACE


def free_space(path: Path) -> int:
    """Free bytes on the disk of ``path``, which need not exist."""
    return shutil.disk_usage(next(p for p in path.absolute().parents if p.is_dir())).free
