"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

__all__ = ["atomic_write", "write_bytes_atomic"]


@contextlib.contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """Give a temporary file that takes the place of another when the block ends well.

    The temporary file is in the same directory and goes to the disk before it is renamed, so that
    whoever reads ``path`` finds the old content or the new, even after a loss of power. If the
    block raises, the temporary file is removed and ``path`` stays as it was.

    Parameters
    ----------
    path : str or pathlib.Path
        The file to write. Its directory must exist. A link is followed.

    Yields
    ------
    pathlib.Path
        The temporary file, which is empty.

    Raises
    ------
    OSError
        If it cannot be written.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from nncore._atomic import atomic_write
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     path = pathlib.Path(directory, "notes.txt")
    ...     with atomic_write(path) as temporary:
    ...         _ = temporary.write_text("all of it")
    ...         before = path.exists()
    ...     before, path.read_text()
    (False, 'all of it')
    """
    target = Path(path).resolve()
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(6)}.tmp")
    # With O_EXCL the file is ours alone, and the umask decides on its mode as for any other file.
    os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    try:
        yield temporary
        _sync(temporary)
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    if os.name == "posix":
        _sync(target.parent)


def _sync(path: Path) -> None:
    # Windows flushes only what is open for writing, and opens no directory.
    flags = os.O_RDONLY if path.is_dir() else os.O_RDWR
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_bytes_atomic(path: str | Path, data: bytes) -> None:
    """Write a file whole or not at all.

    Parameters
    ----------
    path : str or pathlib.Path
        The file.
    data : bytes
        Its new content.

    Raises
    ------
    OSError
        If it cannot be written; a file that was there before is then unchanged.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from nncore._atomic import write_bytes_atomic
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     path = pathlib.Path(directory, "data.bin")
    ...     write_bytes_atomic(path, b"1234")
    ...     path.read_bytes()
    b'1234'
    """
    with atomic_write(path) as temporary:
        temporary.write_bytes(data)
