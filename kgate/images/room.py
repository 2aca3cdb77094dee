"""The folder in which a scanner's child process lives, and the environment it sees: neither the repository's nor the user's."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event

from msgspec import Struct

from kgate.images import child
from kgate.images.scanner import NotScanned

MAX_TAIL_BYTES = 1024 * 1024
"""Of a log: its end is where the reason stands."""
_WHEN_PULLING = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR")


class Room(Struct, frozen=True):
    """The folder that is all the child sees as its own. It goes with everything in it."""

    path: Path

    @property
    def out(self) -> Path:
        return self.path / "out.json"

    @property
    def stdout(self) -> Path:
        return self.path / "stdout"

    @property
    def stderr(self) -> Path:
        return self.path / "stderr"

    @property
    def empty(self) -> Path:
        return self.path / "empty"

    def environment(self, *, pulling: bool) -> dict[str, str]:
        passed = {name: os.environ[name] for name in _WHEN_PULLING if name in os.environ} if pulling else {}
        return passed | {
            "DOCKER_CONFIG": str(self.path / "docker"),
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(self.path / "home"),
            "TMPDIR": str(self.path / "tmp"),
            "LANG": "C.UTF-8",
        }


@contextmanager
def open_room() -> Iterator[Room]:
    try:
        folder = tempfile.TemporaryDirectory(prefix="kgate-", ignore_cleanup_errors=True)
        for name in ("empty", "home", "tmp", "docker"):
            (Path(folder.name) / name).mkdir()
    except OSError as e:
        raise NotScanned(f"no temporary folder can be made: {e.strerror}", "set TMPDIR to a folder with space in it") from e
    with folder:
        yield Room(Path(folder.name))


def run(
    argv: Sequence[str],
    room: Room,
    *,
    deadline_s: float,
    stop: Event,
    pulling: bool,
    more: Mapping[str, str] | None = None,
    who: str = "trivy",
) -> child.Ended:
    """`who`: what it is called in a reason. Raises NotScanned when it does not end by itself, or cannot be started."""
    try:
        ended = child.run(
            argv,
            cwd=str(room.empty),
            env={**room.environment(pulling=pulling), **(more or {})},
            stdout=str(room.stdout),
            stderr=str(room.stderr),
            deadline_s=deadline_s,
            stop=stop,
        )
    except OSError as e:
        raise NotScanned(f"{argv[0]} cannot be started: {e.strerror}") from e
    if ended.timed_out:
        raise NotScanned(f"{who} did not end within {deadline_s:g} s", "raise images.timeout_s")
    if ended.interrupted:
        raise NotScanned("the run was interrupted")
    return ended


def tail(file: Path) -> str:
    """The end of a file that a child wrote, whatever bytes it wrote."""
    with file.open("rb") as opened:
        opened.seek(max(0, opened.seek(0, 2) - MAX_TAIL_BYTES))
        return opened.read(MAX_TAIL_BYTES).decode("utf-8", "replace")
