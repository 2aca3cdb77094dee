"""`kgate check --watch`: the same check again whenever a file changes that it may depend on.

Each run is a process of its own, so that nothing of an earlier one is left in it; one that is overtaken by a change is ended. Files are
asked for their times now and then, which needs no library and works on every file system.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from kgate.cli.output import on_terminal, write_stdout
from kgate.errors import KgateError

if TYPE_CHECKING:
    from kgate.config import Options

SHORTEST_S, LONGEST_S = 0.2, 5.0
"""Between two looks at the files."""
SHARE = 20
"""A look may take one part in so many of the time: large folders are looked at less often."""
PATIENCE_S = 5.0
"""For a run that has been told to end; then it is killed."""
_NOT_LOOKED_AT = frozenset({".git", "__pycache__", "node_modules"})

_State = dict[str, tuple[int, int, int]]
"""Time of change, size and inode of each file that is there."""


@dataclass(kw_only=True, slots=True)
class Watch:
    """One `--watch`."""

    argv: Sequence[str]
    """Of the check, without `--watch`."""
    always: Sequence[str]
    """Files and folders to look at, and where settings may appear."""
    named: Callable[[], Iterable[str]]
    """More of them, which the settings name. May raise KgateError."""
    written: Sequence[str] = ()
    """Reports: that kgate has written them is no change."""
    running: subprocess.Popen[bytes] | None = field(default=None)

    def go(self) -> NoReturn:
        """Returns by KeyboardInterrupt alone, also where somebody asks the process to terminate. No run is left then."""
        before = signal.signal(signal.SIGTERM, _interrupted)
        try:
            while True:
                paths = self._paths()
                seen = self._look(paths)
                self._start()
                self._wait_for_change(paths, seen)
                self._end()
        finally:
            self._end()
            signal.signal(signal.SIGTERM, before)

    def _start(self) -> None:
        if on_terminal(sys.stdout):
            write_stdout(f"--- {time.strftime('%H:%M:%S')} ---\n")
        # -P: a module in the working directory is not kgate's. A group of its own: an interrupt of the terminal ends this process first.
        start = [sys.executable, "-I" if sys.flags.isolated else "-P", "-m", "kgate", *self.argv]
        self.running = subprocess.Popen(start, stdin=subprocess.DEVNULL, process_group=0)

    def _end(self) -> None:
        """As an interrupt would: a run then cleans up behind itself and ends what it has started."""
        running, self.running = self.running, None
        if running is None:
            return
        if running.poll() is None:
            running.send_signal(signal.SIGINT)
            try:
                running.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                os.killpg(running.pid, signal.SIGKILL)
                running.wait()

    def _wait_for_change(self, paths: Sequence[str], seen: _State) -> None:
        pause = SHORTEST_S
        while True:
            time.sleep(pause)
            if self.running is not None:
                self.running.poll()  # a run that has ended is no zombie until the next change
            begin = time.monotonic()
            if self._look(paths) != seen:
                return
            pause = min(LONGEST_S, max(SHORTEST_S, (time.monotonic() - begin) * SHARE))

    def _paths(self) -> Sequence[str]:
        try:
            return [*dict.fromkeys([*self.always, *self.named()])]
        except KgateError:  # settings that are wrong: the run says so, and whoever mends them changes them
            return self.always

    def _look(self, paths: Sequence[str]) -> _State:
        own = {os.path.realpath(path) for path in self.written}
        files = (file for path in paths for file in _files(path) if not _of_a_report(file, own))
        return {file: state for file in files if (state := _state(file)) is not None}


def named(options: Options) -> list[str]:
    """The files outside of the paths that a run with these options reads."""
    images = options.images
    single = (options.settings_file, options.rollout.cluster, options.baseline, images.kev, images.ca_file, images.sbom)
    many = (*options.crds, *options.policy.paths, *images.vex, *images.archives.values(), *images.sboms.values())
    return [file for file in (*single, *many) if file]


def _interrupted(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _files(path: str) -> Iterator[str]:
    """A file, or all files below a folder."""
    if not Path(path).is_dir():
        yield path
        return
    for folder, folders, names in os.walk(path):
        folders[:] = [name for name in folders if name not in _NOT_LOOKED_AT]
        yield from (os.path.join(folder, name) for name in names)  # noqa: PTH118 (hundreds of thousands of them)


def _of_a_report(file: str, own: set[str]) -> bool:
    """A report, or what it is written to before it takes the old one's place."""
    folder, name = os.path.split(os.path.realpath(file)) if own else ("", "")
    return any(os.path.join(folder, name) == path or _beside(folder, name, path) for path in own)  # noqa: PTH118


def _beside(folder: str, name: str, report: str) -> bool:
    where, called = os.path.split(report)
    return folder == where and name.startswith(f".{called[:100]}.")


def _state(path: str) -> tuple[int, int, int] | None:
    try:
        status = os.stat(path)  # noqa: PTH116
    except (OSError, ValueError):
        return None
    return (status.st_mtime_ns, status.st_size, status.st_ino)
