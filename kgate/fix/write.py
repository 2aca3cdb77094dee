"""Changed texts to files: whole or not at all, and only where nobody has changed them since."""

# Names are text here, which need not be UTF-8, and pathlib hides which calls follow links.
# ruff: noqa: PTH101, PTH105, PTH108, PTH116, PTH119, PTH120, PTH123

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable

from kgate.edit import Impossible


def write(file: str, old: str, new: str, roots: Iterable[str]) -> None:
    """Puts `new` in the place of `old`. Raises Impossible with the reason, and then has changed nothing.

    A symbolic link stays one, and its target is changed when it lies below one of `roots`.
    """
    target = os.path.realpath(file)
    if not any(_below(target, os.path.realpath(root)) for root in roots):
        raise Impossible("it is a symbolic link that leads out of what was named")
    try:
        status = os.stat(target, follow_symlinks=False)
        if not stat.S_ISREG(status.st_mode):
            raise Impossible("it is no regular file any more")
        if not os.access(target, os.W_OK):
            raise Impossible("it may not be written to")
        _replace(target, status, old.encode(), new.encode())
    except OSError as e:
        raise Impossible(f"it cannot be written: {(e.strerror or 'input/output error').lower()}") from e


def _below(target: str, root: str) -> bool:
    return target == root or target.startswith(root.rstrip(os.sep) + os.sep)


def _replace(target: str, status: os.stat_result, old: bytes, new: bytes) -> None:
    """The new content goes into a file beside it, which then takes its place and its mode."""
    import tempfile

    handle, temporary = tempfile.mkstemp(dir=os.path.dirname(target), prefix=f".{os.path.basename(target)[:100]}.")
    try:
        with os.fdopen(handle, "wb") as written:
            written.write(new)
        with contextlib.suppress(OSError):  # only root can give a file to somebody else
            os.chown(temporary, status.st_uid, status.st_gid)
        os.chmod(temporary, stat.S_IMODE(status.st_mode))
        with open(target, "rb") as before:
            if before.read(len(old) + 1) != old:
                raise Impossible("it has changed since it was read")
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
