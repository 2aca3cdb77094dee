"""Runs one program that is not to be trusted with anything: no shell, no input, no environment, its own process group, limits, a clock."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import IO, Any

from msgspec import Struct

DEADLINE_S = 30.0
MAX_OUTPUT = 50 * 1024 * 1024
"""Bytes of standard output."""
MAX_SAID = 64 * 1024
"""Bytes of standard error that are kept."""
_GIB = 1 << 30


class Done(Struct, frozen=True, kw_only=True):
    """How a program ended."""

    code: int = 0
    output: bytes = b""
    said: bytes = b""
    """The end of its standard error."""
    stopped: str = ""
    """Why it was killed; empty when it ended by itself."""


def run(argv: Sequence[str], *, folder: str, environment: Mapping[str, str], deadline_s: float = DEADLINE_S) -> Done:
    """Starts `argv` in `folder`. Raises OSError when it cannot be started."""
    import subprocess

    with subprocess.Popen(
        argv,
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=_limited,
    ) as child:
        try:
            return _listen(child, deadline_s)
        finally:
            _kill(child.pid)
            child.wait()


def _limited() -> None:
    """In the child, before it becomes the program. A limit that the system has set lower stays."""
    import resource

    wanted = (
        (resource.RLIMIT_CPU, int(DEADLINE_S)), (resource.RLIMIT_AS, 8 * _GIB), (resource.RLIMIT_FSIZE, MAX_OUTPUT),
        (resource.RLIMIT_NOFILE, 256), (resource.RLIMIT_CORE, 0),
    )  # fmt: skip
    for kind, most in wanted:
        hard = resource.getrlimit(kind)[1]
        limit = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (limit, limit))


def _kill(group: int) -> None:
    """The whole group: what the program has started is not left behind."""
    import signal

    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def _listen(child: Any, deadline_s: float) -> Done:
    """Until both of its outputs are closed, the clock has run out, or it has said too much."""
    import selectors
    import time

    end = time.monotonic() + deadline_s
    output, said = bytearray(), bytearray()
    with selectors.DefaultSelector() as waiting:
        for stream, kept in ((child.stdout, output), (child.stderr, said)):
            os.set_blocking(stream.fileno(), False)
            waiting.register(stream, selectors.EVENT_READ, kept)
        while waiting.get_map():
            left = end - time.monotonic()
            if left <= 0:
                return Done(code=-9, said=bytes(said), stopped=f"it did not end within {deadline_s:g} s")
            for key, _ in waiting.select(left):
                if not _read(key.fileobj, key.data):  # type: ignore[arg-type]
                    waiting.unregister(key.fileobj)
            del said[:-MAX_SAID]
            if len(output) > MAX_OUTPUT:
                return Done(code=-9, said=bytes(said), stopped=f"its output is longer than {MAX_OUTPUT >> 20} MiB")
    return _ended(child, output, said, end - time.monotonic(), deadline_s)


def _ended(child: Any, output: bytearray, said: bytearray, left: float, deadline_s: float) -> Done:
    """It has closed its outputs, which does not mean that it is gone."""
    import subprocess

    try:
        code = child.wait(timeout=max(left, 0.1))
    except subprocess.TimeoutExpired:
        return Done(code=-9, said=bytes(said), stopped=f"it did not end within {deadline_s:g} s")
    return Done(code=code, output=bytes(output), said=bytes(said))


def _read(stream: IO[bytes], kept: bytearray) -> bool:
    """False when nothing more will come."""
    try:
        data = os.read(stream.fileno(), 65_536)
    except BlockingIOError:
        return True
    kept += data
    return bool(data)
