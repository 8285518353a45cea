"""Files that are written whole or not at all, and never over another one by accident."""

import errno
import os
import secrets
import stat
import sys
from pathlib import Path

from retouch.errors import OutputError

_CURES = {
    errno.ENOSPC: "the disk is full; free some space or choose another folder",
    errno.EDQUOT: "your disk quota is used up; free some space or choose another folder",
    errno.EACCES: "you may not write there; choose another folder or change its permissions",
    errno.EPERM: "you may not write there; choose another folder or change its permissions",
    errno.EROFS: "that disk is read-only; choose another folder",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
    errno.EINVAL: "the name has characters that this disk refuses; choose another one",
    errno.EFBIG: "the file is too large for that disk; choose another one",
}
_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV})
"""What file systems without hard links (FAT, some network shares) answer."""


def ensure_replaceable(path: Path, *, force: bool) -> None:
    """Raise OutputError if `write_whole` could not write `path` now; asked before hours of work, not after them."""
    target = _target(path, force=force)
    probe = _temporary(target)
    try:
        os.close(_create(probe))
        probe.unlink()
    except OSError as problem:
        raise _output_error(path, problem) from None


def write_whole(path: Path, data: bytes, *, force: bool = False) -> None:
    """Write `data` to `path` so that others see all of it or nothing, whatever happens on the way.

    An existing file is replaced only with `force`, also when it appears while this one is being written. A link is
    followed: its target is written. OutputError says how to mend it; no failure leaves anything behind.
    """
    target = _target(path, force=force)
    temporary = _temporary(target)
    try:
        try:
            descriptor = _create(temporary)
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            _publish(temporary, target, force=force)
        finally:
            temporary.unlink(missing_ok=True)
    except FileExistsError:
        raise _exists(path) from None
    except OSError as problem:
        raise _output_error(path, problem) from None
    _sync_folder(target.parent)


def _target(path: Path, *, force: bool) -> Path:
    """The real file that will be written; OutputError when it must not or cannot be."""
    try:
        target = path.resolve()
        if not target.parent.is_dir():
            what = "is not a folder" if target.parent.exists() else "does not exist; make it with: mkdir -p"
            tail = f" {path.parent}" if what.endswith("-p") else "; choose another place"
            raise OutputError(f"cannot write {path}: the folder {path.parent} {what}{tail}")
        kind = target.stat().st_mode
    except FileNotFoundError:
        return target
    except (OSError, RuntimeError, ValueError) as problem:
        if isinstance(problem, OutputError):
            raise
        raise _output_error(path, problem) from None
    if stat.S_ISDIR(kind):
        raise OutputError(f"cannot write {path}: it is a folder; name a file in it")
    if not stat.S_ISREG(kind):
        raise OutputError(f"cannot write {path}: it is a device or pipe; write to standard output with -")
    if not force:
        raise _exists(path)
    return target


def _temporary(target: Path) -> Path:
    """A hidden name beside the target, on the same disk, so that renaming is one step."""
    return target.with_name(f".retouch-{secrets.token_hex(6)}.part")


def _create(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)


def _publish(temporary: Path, target: Path, *, force: bool) -> None:
    """Give the finished file its name; FileExistsError when somebody else took it and `force` is off."""
    if force:
        if target.exists():
            temporary.chmod(stat.S_IMODE(target.stat().st_mode))
        temporary.replace(target)
    elif sys.platform == "win32":
        temporary.rename(target)
    else:
        try:
            os.link(temporary, target)
        except OSError as problem:
            if problem.errno not in _NO_LINKS:
                raise
            _claim_and_replace(temporary, target)


def _claim_and_replace(temporary: Path, target: Path) -> None:
    """Without hard links: take the name with an empty file first, so that two writers cannot both win it."""
    os.close(_create(target))
    try:
        temporary.replace(target)
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _sync_folder(folder: Path) -> None:
    """Make the new name survive a power cut, where the system can do that for folders."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    except OSError:
        pass
    finally:
        os.close(descriptor)


def _exists(path: Path) -> OutputError:
    return OutputError(f"{path} exists; choose another name, or replace it with --force")


def _output_error(path: Path, problem: OSError | RuntimeError | ValueError) -> OutputError:
    code = problem.errno if isinstance(problem, OSError) else None
    reason = _CURES.get(code) if code is not None else None
    return OutputError(f"cannot write {path}: {reason or f'{problem}; choose another place'}")
