"""Where members of compressed tar files are unpacked: the same private folder for the same file, while anybody uses it.

The same name every time lets an interrupted run be resumed by another process.
"""

from __future__ import annotations

import atexit
import fcntl
import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from gigascene.model.errors import WriteFailed
from gigascene.storage.identity import identity


def unpacked_folder(tar: Path) -> Path:
    """A folder only this user may enter; held by a shared lock, removed by the last process that lets go."""
    root = Path(tempfile.gettempdir()).resolve() / f"gigascene-{os.getuid()}"
    folder = root / hashlib.sha256(f"{tar}\0{identity(str(tar))}".encode()).hexdigest()[:24]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _check_private(root)
    root.chmod(0o700)
    lock = os.open(folder.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_SH)
    folder.mkdir(mode=0o700, exist_ok=True)  # the last user may have removed it just before the lock
    atexit.register(_leave, folder, lock, os.getpid())
    return folder


def is_unpacked(href: str) -> bool:
    """True for a file that is gone when this process ends."""
    return Path(href).is_relative_to(Path(tempfile.gettempdir()).resolve() / f"gigascene-{os.getuid()}")


def _check_private(root: Path) -> None:
    """Somebody else may have put a folder or a link of that name into the shared temporary folder."""
    status = root.lstat()
    if root.is_symlink() or status.st_uid != os.getuid():
        raise WriteFailed(str(root), "it belongs to somebody else", "Set TMPDIR to a folder of your own.")


def _leave(folder: Path, lock: int, owner: int) -> None:
    if os.getpid() != owner:  # a forked worker must not take it from the others
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.with_suffix(".lock").unlink(missing_ok=True)
