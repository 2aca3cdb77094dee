"""What kgate is doing right now, on a terminal's stderr, for runs that take longer than a blink."""

from __future__ import annotations

import os
import sys
import threading
from types import TracebackType

from kgate.cli.output import on_terminal
from kgate.finding import clean

_AFTER_S = 0.5
_EVERY_S = 0.2


class Progress:
    """A context manager that is told what is being done. Off unless stderr is a terminal, and in CI.

    A thread draws, because a stage that scans or rehearses for long does not come back to say so.
    """

    def __init__(self) -> None:
        self._doing = ""
        self._drawn = ""
        self._done = threading.Event()
        self._thread: threading.Thread | None = None
        self._on = on_terminal(sys.stderr) and not os.environ.get("CI") and os.environ.get("TERM") != "dumb"

    def __call__(self, doing: str) -> None:
        self._doing = clean(doing, limit=70)

    def __enter__(self) -> Progress:
        if self._on:
            self._thread = threading.Thread(target=self._draw, name="progress", daemon=True)
            self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, traceback: TracebackType | None) -> None:
        self._done.set()
        if self._thread is not None:
            self._thread.join()

    def _draw(self) -> None:
        self._done.wait(_AFTER_S)
        while not self._done.is_set():
            self._show(f"kgate: {self._doing}...")
            self._done.wait(_EVERY_S)
        self._show("")

    def _show(self, line: str) -> None:
        """Redraws kgate's own line, only when it changes."""
        if line != self._drawn:
            sys.stderr.write(f"\r\x1b[K{line}")
            sys.stderr.flush()
            self._drawn = line
