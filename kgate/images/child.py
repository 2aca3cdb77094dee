"""A child process that ends: by itself, at its deadline, or when the run is interrupted."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Event
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from subprocess import Popen

GRACE_S = 2.0
"""Between SIGTERM and SIGKILL."""
POLL_S = 0.05
"""How soon an interrupted run is noticed."""
SHORT_POLL_S = 0.005
"""How soon the end of a process is noticed, where the system does not tell."""


class Ended(Struct, frozen=True, kw_only=True):
    returncode: int
    """Negative: the signal that ended it."""
    timed_out: bool = False
    interrupted: bool = False


def run(
    argv: Sequence[str],
    *,
    cwd: str,
    env: Mapping[str, str],
    stdin: str = os.devnull,
    stdout: str,
    stderr: str,
    deadline_s: float,
    stop: Event,
) -> Ended:
    """Runs argv without a shell, in a process group of its own; nothing of the group is left when this returns or raises.

    `stdout` and `stderr` are files to write, `stdin` is one to read. Raises OSError when the program cannot be started.
    """
    import subprocess

    with open(stdin, "rb") as given, open(stdout, "wb") as out, open(stderr, "wb") as err:  # noqa: PTH123 (three at once)
        process = subprocess.Popen(
            list(argv), cwd=cwd, env=dict(env), stdin=given, stdout=out, stderr=err, start_new_session=True, close_fds=True
        )
    try:
        until = time.monotonic() + deadline_s
        with _watched(process) as ended:
            while process.poll() is None:
                left = until - time.monotonic()
                if left <= 0:
                    return Ended(returncode=_end(process), timed_out=True)
                if stop.is_set():
                    return Ended(returncode=_end(process), interrupted=True)
                ended(min(POLL_S, left))
        return Ended(returncode=process.returncode)
    finally:
        _end(process)


@contextmanager
def _watched(process: Popen[bytes]) -> Iterator[Callable[[float], object]]:
    """What waits for the end of the process, or so many seconds. Linux tells at once; other systems are asked again and again."""
    import select

    try:
        descriptor = os.pidfd_open(process.pid)
    except (AttributeError, OSError):
        yield lambda seconds: time.sleep(min(seconds, SHORT_POLL_S))
        return
    try:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        yield lambda seconds: poll.poll(seconds * 1000)
    finally:
        os.close(descriptor)


def _end(process: Popen[bytes]) -> int:
    """SIGTERM first, so that a scanner can release its locks; then SIGKILL for what is left of the group, its leader alive or not."""
    if process.poll() is None:
        _signal(process.pid, signal.SIGTERM)
        until = time.monotonic() + GRACE_S
        while process.poll() is None and time.monotonic() < until:
            time.sleep(SHORT_POLL_S)
    _signal(process.pid, signal.SIGKILL)
    return process.wait()


def _signal(group: int, number: int) -> None:
    # the group is gone when its last process is
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
