"""Pure work shared out among processes of kgate's own: the same results in the same order, sooner.

A worker is a fork: it has all that was there when it began, and only what it finds out travels back. Whatever a worker cannot do or say
(it raised, it was killed, its answer cannot be sent) is done once more in the first process, where it then raises what it always raised.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

T = TypeVar("T")

MOST = 8
"""Workers that kgate starts unasked: more of them cost memory and rarely save time."""
_TOKENS = 1000
"""What is to be done fits into a pipe at once: 4 bytes each, in the 4,096 that any system takes."""
_FRAME = 12
"""Bytes before each answer: the piece, and the length of what follows; nothing follows where the piece could not be done."""
_TOLD = frozenset(
    {
        *("open", "os.listdir", "os.scandir"),
        *("subprocess.Popen", "os.posix_spawn", "os.exec", "os.fork", "socket.connect", "socket.getaddrinfo"),
    }
)
"""Audit events of workers that the first process is told of."""
FORK = "kgate.workers.fork"
"""The audit event of the first process right before the fork of a worker."""
HEARD = "kgate.workers.heard"
"""Its audit event for one of a worker: that one's name, then its arguments. Whoever listens hears all that the run did, if late."""

Told = Callable[[int, int], None]
"""Told how many pieces are done, and of how many."""


def processors() -> int:
    """How many this process may use, at most MOST."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(MOST, allowed, _granted()))


def _granted() -> int:
    """What a container is granted of the machine's time (cgroup v2), in processors, rounded up."""
    try:
        with open("/sys/fs/cgroup/cpu.max", encoding="ascii") as file:  # noqa: PTH123
            quota, period = file.read().split()
        return MOST if quota == "max" else max(1, -(-int(quota) // int(period)))
    except (OSError, ValueError):
        return MOST


def done(work: Callable[[int], T], count: int, *, jobs: int, least: int, told: Told | None = None) -> list[T]:
    """`[work(0), work(1), ...]`, `count` of them. `work` may change nothing that anybody sees, and its results can be pickled.

    `jobs`: processes at a time, 0 for as many as there are processors. There is no worker that would have fewer than `least` pieces to do.
    """
    hands = min(jobs or processors(), count // least) if count >= 2 * least and hasattr(os, "fork") else 1
    known: dict[int, T] = {}
    if hands > 1:
        with _Crew(work, count) as crew:
            for piece, result in crew.results(hands):
                known[piece] = result
                if told:
                    told(len(known), count)
    for piece in range(count):
        if piece not in known:
            known[piece] = work(piece)
            if told:
                told(len(known), count)
    return [known[piece] for piece in range(count)]


class _Crew:
    """The workers of one call of `done`. None is left when the block ends, however it ends."""

    def __init__(self, work: Callable[[int], Any], count: int) -> None:
        self._work, self._count = work, count
        self._size = -(-count // _TOKENS)
        self._pids: list[int] = []
        self._answers: dict[int, bytearray] = {}
        """What was read of each worker's pipe and is no whole answer yet."""

    def __enter__(self) -> _Crew:
        return self

    def __exit__(self, *_: object) -> None:
        import signal
        from contextlib import suppress

        for pipe in self._answers:
            os.close(pipe)
        for pid in self._pids:
            with suppress(ProcessLookupError):  # where somebody has SIGCHLD ignored
                os.kill(pid, signal.SIGKILL)
        for pid in self._pids:
            with suppress(ChildProcessError):
                os.waitpid(pid, 0)

    def results(self, hands: int) -> Iterator[tuple[int, Any]]:
        """Pieces with their results as they come, until all are done, no worker is left, or one could not do its piece."""
        import pickle
        import selectors

        self._start(hands)
        with selectors.DefaultSelector() as selector:
            for pipe in self._answers:
                selector.register(pipe, selectors.EVENT_READ)
            while selector.get_map():
                for key, _ in selector.select():
                    read = os.read(key.fd, 1 << 20)
                    if not read:
                        selector.unregister(key.fd)
                    self._answers[key.fd] += read
                    for piece, answer in _whole(self._answers[key.fd]):
                        if not answer:
                            return
                        result, heard = pickle.loads(answer)  # noqa: S301 (kgate itself wrote it)
                        for event, arguments in heard:
                            sys.audit(HEARD, event, *arguments)
                        yield piece, result

    def _start(self, hands: int) -> None:
        """As many as the system lets be started. They take what is to be done from one pipe, which is full before the first begins."""
        tokens, filled = os.pipe()
        try:
            with os.fdopen(filled, "wb") as file:
                file.write(b"".join(n.to_bytes(4, "big") for n in range(-(-self._count // self._size))))
            for _ in range(hands):
                if not self._fork(tokens):
                    break
        finally:
            os.close(tokens)

    def _fork(self, tokens: int) -> bool:
        import signal

        mine, theirs = os.pipe()
        # An interrupt between the fork and the lines behind it would find a worker that nobody knows, or that takes itself for kgate.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            pid = _forked()
            if pid == 0:
                _leave_after(self._toil, tokens, theirs, (mine, *self._answers), before)
            self._pids.append(pid)
            self._answers[mine] = bytearray()
        except OSError:  # too many processes, or no memory for one more
            os.close(mine)
            return False
        finally:
            os.close(theirs)
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return True

    def _toil(self, tokens: int, pipe: int, foreign: tuple[int, ...], signals: Iterable[int]) -> None:
        """A worker's whole life. It ends when nothing is left to do, or nobody listens any more."""
        import gc
        import pickle
        import signal

        # The terminal sends an interrupt to every process of kgate; the first one answers it.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, signals)
        for other in foreign:
            os.close(other)
        gc.freeze()  # to look at what was there before would copy it
        heard: dict[tuple[str, tuple[Any, ...]], None] = {}
        sys.addaudithook(lambda event, arguments: _note(heard, event, arguments))
        with os.fdopen(pipe, "wb") as file:
            while token := os.read(tokens, 4):
                first = int.from_bytes(token, "big") * self._size
                for piece in range(first, min(first + self._size, self._count)):
                    try:
                        answer = pickle.dumps((self._work(piece), list(heard)), pickle.HIGHEST_PROTOCOL)
                    except Exception:
                        answer = b""
                    heard.clear()
                    file.write(piece.to_bytes(4, "big") + len(answer).to_bytes(_FRAME - 4, "big") + answer)
                    file.flush()


def _forked() -> int:
    """`os.fork`, without its warning that other threads stay behind: the one that draws progress holds nothing that a worker needs."""
    import warnings

    sys.audit(FORK)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _leave_after(toil: Callable[..., None], *arguments: Any) -> None:
    """Never returns: what the first process has still to do (buffers, handlers, `finally`) is none of a worker's business."""
    try:
        toil(*arguments)
    finally:
        os._exit(0)


def _note(heard: dict[tuple[str, tuple[Any, ...]], None], event: str, arguments: tuple[Any, ...]) -> None:
    if event in _TOLD:
        plain = tuple(a if isinstance(a, (str, bytes, int)) or a is None else str(a) for a in arguments)
        heard[event, plain] = None


def _whole(read: bytearray) -> Iterator[tuple[int, bytes]]:
    """Takes whole answers out of what was read."""
    while len(read) >= _FRAME:
        end = _FRAME + int.from_bytes(read[4:_FRAME], "big")
        if len(read) < end:
            return
        piece, answer = int.from_bytes(read[:4], "big"), bytes(read[_FRAME:end])
        del read[:end]
        yield piece, answer
