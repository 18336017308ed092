"""Files that are whole or not there: written beside their place, then renamed; and read whole."""

import contextlib
import hashlib
import io
import os
import re
import shutil
import socket
import stat
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO

import psutil

from training.text import printable

PARTIAL = ".partial"
PARTIAL_AGE = 3600.0  # seconds after which a partial file of an unknown writer is nobody's
_WRITER = re.compile(r"\.([0-9a-f]{8})\.(\d{1,9})\.[^.]*\.partial")
_SEAL = b"\nblake2b "
_DIGEST = 16  # bytes
_MOST_UNPACKED = 256 * 2**20
_MOST_MEMBERS = 4096


class DamagedError(Exception):
    """A file's content is not what was written; the message is a clause without a full stop."""


def folder_of(variable: str, default: str) -> Path:
    """Folder that an environment variable may move; relative ones start where the command runs."""
    return Path(os.environ.get(variable) or default).expanduser()


def checkpoint_dir() -> Path:
    """Folder of the checkpoints on offer: `checkpoints`, or where VAE_CHECKPOINT_DIR says."""
    return folder_of("VAE_CHECKPOINT_DIR", "checkpoints")


def run_dir() -> Path:
    """Folder of the training runs: `runs`, or where VAE_RUN_DIR says."""
    return folder_of("VAE_RUN_DIR", "runs")


def replace_file(path: Path, write: Callable[[IO[bytes]], object], sync: bool = True) -> None:
    """Have `write(file)` fill a file beside `path`, sync it, and put it in its place.

    Whatever goes wrong (OSError, or what `write` raises), nothing is left beside `path`.
    """
    partial = None
    try:
        with tempfile.NamedTemporaryFile(
            dir=path.parent, prefix=partial_prefix(path.stem), suffix=PARTIAL, delete=False
        ) as file:
            partial = Path(file.name)
            write(file)
            file.flush()
            if sync:
                os.fsync(file.fileno())
        partial.chmod(0o644)
        os.replace(partial, path)
    except BaseException:
        if partial is not None:
            partial.unlink(missing_ok=True)
        raise


def partial_prefix(stem: str) -> str:
    """Beginning of a partial file's name: what it will be, and who writes it."""
    return f"{stem[:32]}.{_host()}.{os.getpid()}."


def _host() -> str:
    return f"{zlib.crc32(socket.gethostname().encode()):08x}"


def clear_partials(folder: Path) -> None:
    """Remove the partial files and folders of writers that are dead, or that are very old.

    A writer on this machine is alive as long as there is a process of its number; others have
    `PARTIAL_AGE`.
    """
    with contextlib.suppress(OSError):
        for entry in os.scandir(folder):
            if not entry.name.endswith(PARTIAL):
                continue
            with contextlib.suppress(OSError):
                writer = _WRITER.search(entry.name)
                if writer and writer[1] == _host():
                    abandoned = not psutil.pid_exists(int(writer[2]))
                else:
                    age = time.time() - entry.stat(follow_symlinks=False).st_mtime
                    abandoned = age > PARTIAL_AGE
                if abandoned and entry.is_dir(follow_symlinks=False):
                    shutil.rmtree(entry.path, ignore_errors=True)
                elif abandoned:
                    os.unlink(entry.path)


def open_regular(path: Path | str) -> IO[bytes]:
    """A file opened for reading, if it is a regular one: opening a FIFO would wait for ever.

    Raises:
        OSError: it cannot be opened, or is something else.
    """
    flags = os.O_RDONLY
    for name in ("O_NONBLOCK", "O_CLOEXEC", "O_BINARY"):  # what the system has of them
        flags |= getattr(os, name, 0)
    descriptor = os.open(path, flags)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(0, "it is not a regular file", str(path))
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_regular(path: Path | str, most: int) -> bytes:
    """The content of a regular file of at most `most` bytes.

    Raises:
        OSError: it cannot be read, is no regular file, or larger.
    """
    try:
        with open_regular(path) as file:
            content = file.read(most + 1)
    except ValueError as error:  # a null byte within the path
        raise OSError(0, f"its path is not possible: {error}", str(path)) from None
    if len(content) > most:
        raise OSError(0, f"it has more than {most:,} bytes", str(path))
    return content


def seal(content: bytes) -> bytes:
    """The content, and behind it its BLAKE2b."""
    digest = hashlib.blake2b(content, digest_size=_DIGEST).hexdigest()
    return content + _SEAL + digest.encode() + b"\n"


def unseal(content: bytes) -> bytes:
    """The content that was sealed; one without a seal as it is.

    Raises:
        DamagedError: the content is not what was sealed.
    """
    at = len(content) - len(_SEAL) - 2 * _DIGEST - 1
    if at < 0 or content[at : at + len(_SEAL)] != _SEAL:
        return content
    body = content[:at]
    if seal(body) != content:
        raise DamagedError("its content does not fit its checksum")
    return body


def unseal_zip(content: bytes, compressed: bool = True) -> bytes:
    """A zip archive without its seal; every member has been read against its own CRC-32.

    Nothing is unpacked that would take more than `_MOST_UNPACKED`, or, where it is not to be
    `compressed`, more than the archive itself.

    Raises:
        DamagedError: the content is not what was written.
    """
    content = unseal(content)
    most = _MOST_UNPACKED if compressed else len(content)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            if len(members) > _MOST_MEMBERS or sum(m.file_size for m in members) > most:
                raise DamagedError("it would unpack to more than it may")
            bad = archive.testzip()
    except DamagedError:
        raise
    except Exception as error:  # a damaged archive raises many kinds
        raise DamagedError(printable(str(error) or type(error).__name__).rstrip(".")) from None
    if bad is not None:
        raise DamagedError(f"{printable(bad, 40)} does not fit its checksum")
    return content
