"""What former runs said, by content: a run on files that have not changed says the same again without doing anything.

While a run goes on, Python's audit events tell which files it opens and which folders it lists; what it said is kept together with these.
Later, the same command line gives the same answer as long as none of them has changed. Nothing is remembered of a run that started a
program or connected anywhere, nor in CI, where nobody comes back. Nothing is taken from a memory that does not fit to the last byte.
"""

from __future__ import annotations

import json
import os
import stat
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kgate import __version__

FORMAT = "2"
MOST_ENTRIES = 200
"""Answers kept; the oldest go first."""
MOST_BYTES = 32 * 1024 * 1024
"""A longer answer is not worth keeping."""
_SETTLED_NS = 2_000_000_000
"""A file that was touched within this of being remembered may change again without its time telling: then its content decides."""
_PROGRAMS = ("trivy", "grype", "sysdig-cli-scanner", "helm", "git")
_ENVIRONMENT = (
    "HOME",
    "XDG_CACHE_HOME",
    "PATH",
    "TERM",
    "NO_COLOR",
    "FORCE_COLOR",
    "CLICOLOR_FORCE",
    "SOURCE_DATE_EPOCH",
    "TZ",
    "LC_ALL",
    "LANG",
    "PYTHONPATH",
    "DOCKER_CONFIG",
    "CLAIR_PSK",
    "SECURE_API_TOKEN",
    "TRIVY_TOKEN",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
)
_BUSY = ("subprocess.Popen", "os.posix_spawn", "os.exec", "os.fork", "socket.connect", "socket.getaddrinfo")
_FORK, _HEARD = "kgate.workers.fork", "kgate.workers.heard"
"""The audit events of kgate.workers: the next fork is kgate's own, and what a worker did."""
_LOOKED = "kgate.looked"
"""The audit event of those who ask whether something is there and do not open it: `load`."""
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_PACKAGE = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a run said: each report with its path (None: standard output), the line for a log, the exit code."""

    reports: tuple[tuple[str | None, str], ...]
    verdict: str
    exit_code: int


@dataclass(slots=True, kw_only=True)
class Memory:
    """Of one command line. `watch`, run, `keep`; or `recall`."""

    folder: Path
    key: str
    looked: dict[str, _State | None] = field(default_factory=dict)
    """Each path with what it was before it was looked at for the first time."""
    watching: bool = False
    busy: bool = False
    forking: bool = False
    """The next fork is that of a worker, which does nothing that is not told."""

    @classmethod
    def of(cls, request: Mapping[str, Any], paths: Sequence[str], *, stdout: Any) -> Memory | None:
        """`request` is all that the command line says. None where nothing can be remembered."""
        import hashlib

        folder = _folder()
        if folder is None or os.environ.get("CI") or "-" in paths:
            return None
        here = {
            "format": FORMAT,
            "kgate": __version__,
            "python": sys.version,
            "code": _stamp(),
            "cwd": os.getcwd(),  # noqa: PTH109 (before anything heavier is loaded)
            "request": request,
            "environment": {n: v for n, v in sorted(os.environ.items()) if n in _ENVIRONMENT or n.startswith("KGATE_")},
            "programs": [_found(name) for name in _PROGRAMS],
            # Waivers end at a date, and snapshots grow old by the hour.
            "hour": _hour(),
            "stdout": [stdout is not None and stdout.isatty(), getattr(stdout, "encoding", None)],
        }
        key = hashlib.sha256(json.dumps(here, sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest()
        memory = cls(folder=folder, key=key)
        memory._look(*_around(paths))
        return memory

    def recall(self) -> Answer | None:
        """What the last such run said, if all that it looked at is as it was. Whatever is wrong with the memory: None."""
        try:
            kept = json.loads((self.folder / f"{self.key}.json").read_bytes())
            if not all(_same(known, kept["made"]) for known in kept["seen"]):
                return None
            reports = tuple((path, text) for path, text in kept["reports"])
            return Answer(reports=reports, verdict=str(kept["verdict"]), exit_code=int(kept["exit_code"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def watch(self) -> None:
        """From now on notes what is opened and listed, and whether the run does what no content tells."""
        self.watching = True
        sys.addaudithook(self._heard)

    def _heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.watching:
            return
        if event == "open":
            path, _, flags = arguments
            if isinstance(path, (str, bytes, os.PathLike)) and not (isinstance(flags, int) and flags & _WRITING):
                file = os.path.abspath(os.fsdecode(path))  # noqa: PTH100
                self._look(file, os.path.dirname(file))  # what lies beside it was not taken, and a link in its place leads elsewhere  # noqa: PTH120
        elif event in ("os.scandir", "os.listdir", _LOOKED):
            path = arguments[0]
            self._look(os.path.abspath(os.fsdecode(path) if isinstance(path, (str, bytes, os.PathLike)) else "."))  # noqa: PTH100
        elif event == _HEARD:
            self._heard_late(*arguments)
        elif event == _FORK or (event == "os.fork" and self.forking):
            self.forking = event == _FORK
        elif event in _BUSY:
            self.busy = True

    def _heard_late(self, event: str, *arguments: Any) -> None:
        """Of a worker. What files it read were before it read them nobody can tell any more: kgate reads what is the user's itself."""
        path = arguments[0] if arguments and event in ("open", "os.scandir", "os.listdir") else None
        if isinstance(path, int):
            return  # a pipe to the first process: whoever opened a file by its path has been heard
        if not isinstance(path, (str, bytes)) or not _own(os.path.abspath(os.fsdecode(path))):  # noqa: PTH100
            self.busy = True

    def _look(self, *paths: str) -> None:
        for path in paths:
            if path not in self.looked and not _own(path):
                self.looked[path] = _state(path)

    def keep(self, answer: Answer) -> None:
        """Never at the cost of the run: a full disk or a folder of somebody else's leaves it as it is."""
        self.watching = False
        if self.busy:
            return
        made = time.time_ns()
        if any(_state(path) != before for path, before in self.looked.items()):
            return  # changed while it was read: nobody knows what was said of what
        seen = [_known(path) for path in sorted(self.looked)]
        kept = {"made": made, "seen": seen, "reports": answer.reports, "verdict": answer.verdict, "exit_code": answer.exit_code}
        text = json.dumps(kept).encode()
        if len(text) <= MOST_BYTES:
            try:
                self._write(text)
            except OSError:
                return

    def _write(self, text: bytes) -> None:
        import tempfile

        self.folder.mkdir(parents=True, mode=0o700, exist_ok=True)
        if self.folder.stat().st_uid != os.getuid():
            return
        handle, temporary = tempfile.mkstemp(dir=self.folder, prefix=".")
        with os.fdopen(handle, "wb") as file:
            file.write(text)
        Path(temporary).replace(self.folder / f"{self.key}.json")
        entries = sorted(self.folder.glob("*.json"), key=lambda p: p.stat().st_mtime_ns)
        for old in entries[:-MOST_ENTRIES]:
            old.unlink(missing_ok=True)


def _hour() -> int:
    """Of the clock that the run goes by."""
    given = os.environ.get("SOURCE_DATE_EPOCH", "")
    return int(given if given.isdigit() else time.time()) // 3600


def _folder() -> Path | None:
    xdg, home = os.environ.get("XDG_CACHE_HOME", ""), os.environ.get("HOME", "")
    if not hasattr(os, "getuid"):
        return None
    if xdg.startswith("/"):
        return Path(xdg, "kgate", "results")
    return Path(home, ".cache", "kgate", "results") if home.startswith("/") else None


def _stamp() -> str:
    """Of the code and the built-in policies: an edited checkout is another kgate. A library that came or went shows in its folder."""
    import hashlib

    told = hashlib.sha256()
    for folder in (_PACKAGE, _PACKAGE.parent / "policies", _PACKAGE / "_policies"):
        for where, folders, names in os.walk(folder):
            folders[:] = sorted(f for f in folders if f != "__pycache__")
            for name in sorted(names):
                status = os.stat(f"{where}/{name}")  # noqa: PTH116
                told.update(f"{where}/{name} {status.st_size} {status.st_mtime_ns}\n".encode("utf-8", "surrogateescape"))
    for folder_name in sys.path:
        if folder_name.endswith("site-packages"):
            told.update(str(os.stat(folder_name).st_mtime_ns).encode())  # noqa: PTH116
    return told.hexdigest()


def _found(program: str) -> list[object]:
    import shutil

    path = shutil.which(program)
    status = os.stat(path) if path else None  # noqa: PTH116
    return [program, path, status and status.st_mtime_ns, status and status.st_size]


def _around(paths: Sequence[str]) -> Iterator[str]:
    """The folders above each path and above the working directory, up to the root of the repository.

    Settings, charts and kustomizations may appear in them: their absence has been looked at as well.
    """
    for path in (*paths, "."):
        folder = os.path.dirname(os.path.abspath(path)) if path != "." else os.path.abspath(path)  # noqa: PTH100, PTH120
        while True:
            yield folder
            above = os.path.dirname(folder)  # noqa: PTH120
            if above == folder or os.path.exists(os.path.join(folder, ".git")):  # noqa: PTH110, PTH118
                break
            folder = above


def _own(path: str) -> bool:
    """Python's, the libraries' and kgate's own files are in the key; what the system makes up as one reads it is never the same."""
    inside = (sys.prefix, sys.base_prefix, str(_PACKAGE), str(_PACKAGE.parent / "policies"), "/proc", "/sys", "/dev")
    return any(path == folder or path.startswith(f"{folder}/") for folder in inside)


_State = tuple[int, int, int, int, str]
"""When the content changed, when anything of it did (no program can set that one), size, inode; of a folder where it really is."""


def _state(path: str) -> _State | None:
    """None: there is nothing."""
    try:
        status = os.stat(path)  # noqa: PTH116
    except (OSError, ValueError):
        return None
    real = os.path.realpath(path) if stat.S_ISDIR(status.st_mode) else ""
    return (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino, real)


def _known(path: str) -> tuple[str, _State | None, str]:
    """Path, state and a hash of the content: of a folder where it is and what its names are, of nothing `-`."""
    state = _state(path)
    return (path, state, _content(path) if state else "-")


def _content(path: str) -> str:
    """Raises OSError."""
    import hashlib

    mode = os.stat(path).st_mode  # noqa: PTH116
    if stat.S_ISDIR(mode):
        return hashlib.sha256("\0".join(_names(path)).encode("utf-8", "surrogateescape")).hexdigest()
    if not stat.S_ISREG(mode):
        raise OSError("neither a file nor a folder")
    with open(path, "rb") as file:  # noqa: PTH123
        return hashlib.sha256(file.read()).hexdigest()


def _names(folder: str) -> Iterator[str]:
    """Where it is, what is in it, of which kind, and where its links lead: a file that becomes a folder or a link is another one."""
    yield os.path.realpath(folder)
    with os.scandir(folder) as entries:
        for e in sorted(entries, key=lambda e: e.name):
            link = e.is_symlink()
            yield f"{e.name}/" if e.is_dir(follow_symlinks=False) else f"{e.name}>{os.readlink(e.path)}" if link else e.name  # noqa: PTH115


def _same(known: Sequence[Any], made: int) -> bool:
    """The folder of each file is known as well, so a path leads where it led."""
    path, before, content = known
    now = _state(path)
    if now is None or before is None:
        return now is before
    if list(now) == before and max(now[:2]) < made - _SETTLED_NS:
        return True
    try:
        return _content(path) == str(content)
    except OSError:
        return False
