"""Finds and opens files. Nothing but regular files is ever opened, and no symbolic link leads out of the folder that was named."""

# Names are text here, which need not be UTF-8, and pathlib hides which calls follow links.
# ruff: noqa: PTH100, PTH109, PTH110, PTH112, PTH114, PTH116, PTH118, PTH119, PTH120, PTH123

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct, field

from kgate.errors import UsageError
from kgate.finding import Finding, Skipped, clean
from kgate.load import rules
from kgate.load.patterns import Patterns
from kgate.manifest import Location

if TYPE_CHECKING:
    from kgate.load.render.rendering import Entry, Remotes

EXTENSIONS = (".yaml", ".yml", ".json")
"""What is read in folders (in any case); a file that is named itself may be called anything."""
NAMES = ("Kustomization",)
"""Read in folders for their name, whatever they end in."""
STDIN = "<stdin>"
MAX_FILE = 64 * 1024 * 1024
"""Bytes."""

_KINDS = {
    stat.S_IFIFO: "a FIFO", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device", stat.S_IFDIR: "a folder",
}  # fmt: skip


class Unreadable(Exception):  # noqa: N818 (becomes a Finding)
    """Why a file cannot be read, in words. `too_large` tells that its size is the reason."""

    def __init__(self, reason: str, *, too_large: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.too_large = too_large


class Found(Struct, frozen=True, kw_only=True):
    """A file to read."""

    path: str
    """To open it with; `-` is standard input."""
    file: str
    """To show."""
    explicit: bool
    """The user named the file itself."""
    inside: str = ""
    """Its path in the tree that `layout` asks, where that is not `file`."""


class Walk(Struct):
    """What a walk has met so far."""

    exclude: Patterns
    force_exclude: bool = False
    passed_over: frozenset[str] = frozenset()
    """Real paths of files that are no manifests: settings, cluster files."""
    found: dict[str, Found] = field(default_factory=dict)
    """By real path: each real file once, under the name it was first met by."""
    findings: list[Finding] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)

    def add(self, path: str, *, explicit: bool) -> None:
        real = os.path.realpath(path)
        if real not in self.passed_over:
            self.found.setdefault(real, Found(path=path, file=shown(path), explicit=explicit))

    def excluded(self, path: str, *, folder: bool) -> bool:
        return self.exclude.match(shown(path), folder=folder)


def find(paths: Sequence[str], *, exclude: Sequence[str], force_exclude: bool, not_manifests: Collection[str]) -> Walk:
    """Every file below `paths`, each once. Raises UsageError for a path that does not exist."""
    walk = Walk(
        exclude=Patterns.of(exclude), force_exclude=force_exclude, passed_over=frozenset(os.path.realpath(p) for p in not_manifests)
    )
    for path in paths:
        _argument(walk, path)
    return walk


def shown(path: str) -> str:
    """`path` relative to the working directory when it lies below it, else as it was given; with `/` between the parts."""
    absolute, here = os.path.abspath(path), os.getcwd()
    if absolute != here and not absolute.startswith(here.rstrip(os.sep) + os.sep):
        return os.path.normpath(path).replace(os.sep, "/")
    return os.path.relpath(absolute, here).replace(os.sep, "/")


def _argument(walk: Walk, path: str) -> None:
    if path == "-":
        walk.found.setdefault("-", Found(path="-", file=STDIN, explicit=True))
    elif not path or "\0" in path or not os.path.lexists(path):
        raise UsageError(f"no such file or folder: {clean(path)}", hint="paths are relative to the working directory")
    elif os.path.isdir(path):
        if not (walk.force_exclude and walk.excluded(path, folder=True)):
            _folder(walk, path)
    elif not (walk.force_exclude and walk.excluded(path, folder=False)):
        _named_file(walk, path)


def _named_file(walk: Walk, path: str) -> None:
    """A symbolic link may be named, but one that a pull request planted shall not show a file from elsewhere on the machine."""
    folder = os.path.dirname(path) or "."
    if os.path.islink(path) and os.path.exists(path) and not any(_inside(path, os.path.realpath(root)) for root in (folder, ".")):
        walk.findings.append(
            unreadable(shown(path), Unreadable("a symbolic link that leads out of its folder and of the working directory"))
        )
        return
    walk.add(path, explicit=True)


def _inside(path: str, real_root: str) -> bool:
    return os.path.realpath(path).startswith(real_root.rstrip(os.sep) + os.sep)


def _folder(walk: Walk, root: str) -> None:
    """Real files first, so that a file is shown by its own name and not by that of a link to it."""
    links: list[str] = []
    pending = [root]
    while pending:
        for entry in _entries(walk, pending.pop()):
            if entry.name == ".git" or walk.excluded(entry.path, folder=entry.is_dir(follow_symlinks=False)):
                continue
            if entry.is_symlink():
                links.append(entry.path)
            elif entry.is_dir(follow_symlinks=False):
                pending.append(entry.path)
            elif entry.name.lower().endswith(EXTENSIONS) or entry.name in NAMES:
                walk.add(entry.path, explicit=False)
    real_root = os.path.realpath(root)
    for path in sorted(links):
        _link(walk, path, real_root)


def _entries(walk: Walk, folder: str) -> Iterable[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda e: e.name)
    except OSError as e:
        walk.findings.append(unreadable(shown(folder), Unreadable(_words(e))))
        return ()


def _link(walk: Walk, path: str, real_root: str) -> None:
    """A link inside `root` names a file that is met anyway, unless its own name hides that it is YAML; a folder is always met."""
    name = os.path.basename(path).lower()
    manifest = name.endswith(EXTENSIONS) and not name.startswith(".#")  # an editor's lock is a link to nowhere
    if not manifest and not os.path.isdir(path):
        return
    if os.path.exists(path) and not _inside(path, real_root) and os.path.realpath(path) != real_root:
        file = not os.path.isdir(path)
        walk.skipped.append(Skipped(file=shown(path), reason="symbolic link out of the folder: not followed", wanted=manifest and file))
    elif manifest and not os.path.isdir(path):
        walk.add(path, explicit=False)


def content(path: str) -> bytes:
    """The bytes of a regular file of at most MAX_FILE bytes. Raises Unreadable. A FIFO without a writer does not block."""
    if path == "-":
        return _limited(sys.stdin.buffer.read(MAX_FILE + 1))
    try:
        sys.audit("kgate.looked", path)  # nobody hears that a file is not there
        # Looked at before it is opened: opening a device can act on it. And again when it is open: it may have been swapped.
        _regular(os.stat(path))
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0))
        with open(descriptor, "rb") as file:
            _regular(os.fstat(descriptor))
            return _limited(file.read(MAX_FILE + 1))
    except OSError as e:
        raise Unreadable(_words(e)) from e
    except ValueError as e:
        raise Unreadable("its name holds a NUL character") from e


def _regular(status: os.stat_result) -> None:
    kind = stat.S_IFMT(status.st_mode)
    if kind != stat.S_IFREG:
        raise Unreadable(f"{_KINDS.get(kind, 'something else')}, not a regular file")
    if status.st_size > MAX_FILE:
        raise Unreadable(f"{status.st_size} bytes, more than the limit of {MAX_FILE}", too_large=True)


def _limited(data: bytes) -> bytes:
    if len(data) > MAX_FILE:
        raise Unreadable(f"more than the limit of {MAX_FILE} bytes", too_large=True)
    return data


def _words(e: OSError) -> str:
    known = {errno.ELOOP: "a symbolic link that leads to itself", errno.ENOENT: "a symbolic link to nowhere, or removed while kgate ran"}
    return known.get(e.errno or 0) or (e.strerror or "input/output error").lower()


def unreadable(file: str, e: Unreadable) -> Finding:
    rule = rules.TOO_LARGE if e.too_large else rules.UNREADABLE
    return Finding.in_file(file, Location(line=1, column=1), rule=rule, message=f"not read: {e.reason}")


class Disk:
    """The working tree, for questions about a file's surroundings. `content` reads a file or raises Unreadable."""

    def __init__(self, content: Callable[[str], bytes] = content) -> None:
        self._content = content

    def read(self, path: str) -> bytes | None:
        try:
            return self._content(path)
        except Unreadable:
            return None

    def ancestors(self, path: str) -> Iterator[str]:
        """Up to the working directory for a relative path, up to the top for an absolute one."""
        folder = os.path.dirname(path)
        while folder and folder != "..":
            yield folder
            folder = os.path.dirname(folder) if folder != os.path.dirname(folder) else ""
        if not path.startswith(("/", "../")):
            yield "."

    def is_folder(self, path: str) -> bool:
        sys.audit("kgate.looked", path)  # for who remembers what a run depended on (see cli.memory)
        return "\0" not in path and os.path.isdir(path)

    def real(self, path: str) -> str:
        return path if "\0" in path else os.path.realpath(path)

    def shown(self, path: str) -> str:
        return shown(path)

    def top(self, path: str) -> str:
        """The folder that holds `.git`; empty outside of a repository."""
        folder = os.path.realpath(path)
        while folder != os.path.dirname(folder):
            if os.path.lexists(os.path.join(folder, ".git")):
                return folder
            folder = os.path.dirname(folder)
        return ""

    def entries(self, folder: str) -> tuple[Entry, ...]:
        from kgate.load.render.rendering import Entry

        try:
            with os.scandir(folder) as entries:
                return tuple(sorted(Entry(name=e.name, folder=e.is_dir(follow_symlinks=False), link=e.is_symlink()) for e in entries))
        except (OSError, ValueError):
            return ()

    def remotes(self, path: str) -> Remotes:
        from kgate.load import remotes

        return remotes.of(self.top(path))
