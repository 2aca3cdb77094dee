"""A commit's manifests from git's object store: no checkout, no archive (`export-ignore` lies), nothing of the repository is run."""

# Paths are text here, which need not be UTF-8.
# ruff: noqa: PTH117, PTH118

from __future__ import annotations

import os
import posixpath
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from kgate.errors import KgateError, UsageError
from kgate.finding import clean
from kgate.load.collect import Loaded, collect
from kgate.load.files import EXTENSIONS, MAX_FILE, NAMES, Found, Unreadable, shown
from kgate.load.layout import KUSTOMIZATIONS
from kgate.load.patterns import Patterns
from kgate.load.render.rendering import Entry, Remotes

if TYPE_CHECKING:
    from kgate.load.render.settings import RenderSettings

DEADLINE_S = 60
SMALL = 256 * 1024
"""Bytes of a file that is read before anybody asks for it."""
MAX_TOTAL = 512 * 1024 * 1024
"""Bytes of all manifests of a commit together."""

# A repository's own settings can name programs (file system monitors, hooks, transports). None of the commands used here needs one.
_HARDENED = (
    "git", "--no-pager", "--no-optional-locks", "--no-replace-objects", "--literal-pathspecs",
    "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "protocol.allow=never", "-c", "core.untrackedCache=false",
    "-c", "safe.bareRepository=explicit",
    # Containers check out as another user. Ownership guards against running a stranger's settings, and none is run here.
    "-c", "safe.directory=*",
)  # fmt: skip
_ENVIRONMENT = {
    "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1",
    "GIT_ATTR_NOSYSTEM": "1", "LC_ALL": "C", "HOME": os.devnull,
}  # fmt: skip


class _Blob(Struct, frozen=True, kw_only=True):
    """A regular file of the commit. `path` is relative to the top of the repository."""

    path: str
    name: str
    """The object's name (a hash)."""
    size: int


class _Commit:
    """A commit as a tree of files (see `layout.Tree`). Paths are relative to the top of the repository, `.` being the top."""

    def __init__(self, folder: str, blobs: dict[str, _Blob]) -> None:
        self._folder = folder
        self._blobs = blobs
        self._contents: dict[str, bytes] = {}
        self._folders: set[str] = set()
        self._listed: dict[str, tuple[Entry, ...]] = {}

    def fetch(self, paths: Collection[str]) -> None:
        """Reads blobs in one go, those of interest to come included."""
        wanted = {self._blobs[p].name for p in paths if p in self._blobs and self._blobs[p].size <= MAX_FILE}
        if sum(b.size for b in self._blobs.values() if b.name in wanted) > MAX_TOTAL:
            raise KgateError("the base commit holds more than 512 MiB of manifests", hint="check fewer paths, or exclude some")
        self._contents = _blobs(self._folder, sorted(wanted))

    def content(self, path: str) -> bytes:
        blob = self._blobs[path]
        if blob.size > MAX_FILE:
            raise Unreadable(f"{blob.size} bytes, more than the limit of {MAX_FILE}", too_large=True)
        return self._contents[blob.name]

    def read(self, path: str) -> bytes | None:
        blob = self._blobs.get(posixpath.normpath(path))
        if blob is None or blob.size > MAX_FILE:
            return None
        if blob.name not in self._contents:  # something that a kustomization names, and that is no manifest
            self._contents |= _blobs(self._folder, [blob.name])
        return self._contents[blob.name]

    def is_folder(self, path: str) -> bool:
        if not self._folders:
            self._folders = {"."} | {f for b in self._blobs for f in self.ancestors(b)}
        return posixpath.normpath(path) in self._folders

    def real(self, path: str) -> str:
        """A commit's links are not followed: they are no files here."""
        return posixpath.normpath(path)

    def shown(self, path: str) -> str:
        return shown(os.path.join(self._folder, path))

    def top(self, path: str) -> str:
        """What lies outside of the repository is not in the commit."""
        return ""

    def entries(self, folder: str) -> tuple[Entry, ...]:
        if not self._listed:
            listed: dict[str, set[Entry]] = {}
            for blob in self._blobs:
                here, folder_too = blob, False
                for above in self.ancestors(blob):
                    listed.setdefault(above, set()).add(Entry(name=posixpath.basename(here), folder=folder_too))
                    here, folder_too = above, True
            self._listed = {f: tuple(sorted(e)) for f, e in listed.items()}
        return self._listed.get(posixpath.normpath(folder), ())

    def remotes(self, path: str) -> Remotes:
        from kgate.load import remotes

        return remotes.of(self._folder)

    def ancestors(self, path: str) -> Iterator[str]:
        folder = posixpath.dirname(path)
        while folder:
            yield folder
            folder = posixpath.dirname(folder)
        yield "."


def base(
    ref: str, paths: Sequence[str], *, exclude: Sequence[str], not_manifests: Collection[str], render: RenderSettings | None = None
) -> Loaded:
    """See `kgate.load.base`."""
    top = _top()
    commit = _merge_base(ref, top)
    blobs = {b.path: b for b in _tree(top, commit)}
    passed_over = {os.path.realpath(p) for p in not_manifests}
    patterns = Patterns.of(exclude)
    found: dict[str, Found] = {}
    for path in paths:
        if path != "-":
            found |= {f.path: f for f in _below(top, path, blobs, patterns) if os.path.join(top, f.path) not in passed_over}
    tree = _Commit(top, blobs)
    around = {p for p in blobs if posixpath.basename(p) in (*KUSTOMIZATIONS, "Chart.yaml")}
    tree.fetch({*found, *around, *_beside(found, blobs)})
    return collect(found.values(), tree.content, tree, settings=render)


class Exported(Struct, frozen=True, kw_only=True):
    """Files of a commit, written below `folder` as they lie in the repository."""

    folder: str
    commit: str
    merge_base: str
    top: str
    blobs: dict[str, _Blob]

    def write(self, wanted: Iterable[str]) -> None:
        """Files and whole folders, relative to the top; names that the commit does not have are left to whoever opens them."""
        names = {posixpath.normpath(w) for w in wanted}
        paths = sorted({p for name in names for p in self.blobs if name in (p, ".") or p.startswith(f"{name}/")})
        kept = [self.blobs[p] for p in paths if self.blobs[p].size <= MAX_FILE]
        if sum(b.size for b in kept) > MAX_TOTAL:
            raise KgateError("the settings at the base name more than 512 MiB of files", hint="name fewer")
        contents = _blobs(self.top, sorted({b.name for b in kept}))
        for blob in kept:
            target = os.path.join(self.folder, *blob.path.split("/"))
            os.makedirs(os.path.dirname(target), exist_ok=True)  # noqa: PTH103, PTH120
            with open(target, "wb") as file:  # noqa: PTH123
                file.write(contents[blob.name])

    def before(self, path: str) -> bytes | None:
        """The file as it was when the change went off; None when it was not there."""
        return _git(self.top, ["cat-file", "blob", f"{self.merge_base}:{path}"])

    def is_link(self, path: str) -> bool:
        """Whether `path` is a symbolic link there, or another repository: neither is a file of the commit."""
        listed = _git(self.top, ["ls-tree", "-z", "--full-tree", self.commit, "--", path])
        return (listed or b"")[:6] in (b"120000", b"160000")


def exported(ref: str, folder: str) -> Exported:
    """The commit that `ref` names now, ready to be written below the empty `folder`. Raises as `base` does.

    Not the merge base: whoever makes a change chooses where it went off, and could choose a time with milder settings.
    """
    top = _top()
    commit = _named(ref, top)
    merge_base = _merge_base(ref, top)
    # A path of git has neither `..` nor a root; what a hand-made tree might hold must not get out of the folder.
    safe = (b for b in _tree(top, commit) if not {"", ".", ".."} & set(b.path.split("/")))
    return Exported(folder=folder, commit=commit, merge_base=merge_base, top=top, blobs={b.path: b for b in safe})


def _beside(found: Collection[str], blobs: dict[str, _Blob]) -> Iterator[str]:
    """The small files beside kustomizations, bases outside of the given paths included, where there is one to render."""
    if any(posixpath.basename(p) in KUSTOMIZATIONS for p in found):
        folders = {posixpath.dirname(p) for p in blobs if posixpath.basename(p) in KUSTOMIZATIONS}
        yield from (p for p, b in blobs.items() if posixpath.dirname(p) in folders and b.size <= SMALL)


def _below(top: str, path: str, blobs: dict[str, _Blob], patterns: Patterns) -> Iterator[Found]:
    """The files of the commit that `path` names now: the file itself, or those of the folder. Each is shown as it would be today."""
    real = os.path.realpath(path)
    inside = os.path.relpath(real, top).replace(os.sep, "/")
    if inside.startswith("../"):
        raise UsageError(f"{clean(path)} is outside of the git repository", hint="--base compares files of the repository one stands in")
    if inside in blobs:
        yield Found(path=inside, file=shown(path), inside=inside, explicit=True)
        return
    prefix = "" if inside == "." else inside + "/"
    for blob in blobs:
        rest = blob.removeprefix(prefix)
        file = shown(os.path.join(path, rest))
        if (
            blob.startswith(prefix)
            and (blob.lower().endswith(EXTENSIONS) or posixpath.basename(blob) in NAMES)
            and not patterns.match(file, folder=False)
        ):
            yield Found(path=blob, file=file, inside=blob, explicit=False)


def _top() -> str:
    done = _git(".", ["rev-parse", "--show-toplevel"])
    if done is None:
        raise KgateError("--base needs a git repository, and the working directory is in none", hint="change into the repository")
    return os.path.realpath(os.fsdecode(done).rstrip("\n"))


def _named(ref: str, top: str) -> str:
    commit = None if not ref or ref.startswith("-") or not ref.isprintable() else _resolve(ref, top)
    if commit is None:
        raise UsageError(f"--base: {clean(ref)!r} names no commit", hint=_missing(top))
    return commit


def _merge_base(ref: str, top: str) -> str:
    """The commit from which HEAD and `ref` went apart: what others changed on `ref` since then is none of this change."""
    commit = _named(ref, top)
    head = _resolve("HEAD", top)
    if head is None:
        raise KgateError("--base: the repository has no commit yet", hint="commit first")
    done = _git(top, ["merge-base", commit, head])
    if done is None:
        raise KgateError(f"--base: {clean(ref)} and HEAD have no common ancestor here", hint=_missing(top))
    return done.decode("ascii").split()[0]


def _resolve(ref: str, top: str) -> str | None:
    done = _git(top, ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}"])
    commit = (done or b"").decode("ascii").strip()
    return commit if commit.isalnum() else None  # `^HEAD` is a revision, too, but no commit


def _missing(top: str) -> str:
    if (_git(top, ["rev-parse", "--is-shallow-repository"]) or b"").strip() == b"true":
        return "this is a shallow clone: fetch the history (actions/checkout: `fetch-depth: 0`; otherwise `git fetch --unshallow`)"
    return "fetch it first: git fetch origin BRANCH, then --base origin/BRANCH"


def _tree(top: str, commit: str) -> Iterator[_Blob]:
    """Regular files only: a link's target is met by its own name, and a submodule is another repository."""
    listing = _git(top, ["ls-tree", "-r", "-z", "-l", "--full-tree", commit])
    if listing is None:
        raise KgateError("--base: git cannot list the base commit", hint=_missing(top))
    for entry in listing.split(b"\0"):
        meta, tab, path = entry.partition(b"\t")
        mode, _, rest = meta.partition(b" ")
        if tab and mode in (b"100644", b"100755", b"100664"):
            _, name, size = rest.split()  # the size of an object that is missing is `BAD`: cat-file will say so, if it is wanted
            yield _Blob(path=os.fsdecode(path), name=name.decode("ascii"), size=int(size) if size.isdigit() else 0)


def _blobs(top: str, names: Sequence[str]) -> dict[str, bytes]:
    """`cat-file --batch`: a header line `NAME blob SIZE`, the bytes, a newline; in the order of the request."""
    out = _git(top, ["cat-file", "--batch"], given="".join(f"{n}\n" for n in names).encode("ascii")) if names else b""
    contents: dict[str, bytes] = {}
    position = 0
    for name in names:
        end = (out or b"").find(b"\n", position)
        header = (out or b"")[position:end].split()
        if out is None or end < 0 or len(header) != 3:
            raise KgateError(f"--base: git does not have the object {name}", hint=_missing(top))
        begin, size = end + 1, int(header[2])
        contents[name] = out[begin : begin + size]
        position = begin + size + 1
    return contents


def _git(folder: str, arguments: Sequence[str], *, given: bytes = b"") -> bytes | None:
    """Standard output of one git command; None when it fails. Raises KgateError when git is missing or does not end."""
    import subprocess

    # An empty or relative entry of PATH would look for git in the repository.
    path = os.pathsep.join(p for p in os.environ.get("PATH", os.defpath).split(os.pathsep) if os.path.isabs(p))
    environment = {**_ENVIRONMENT, "PATH": path}
    try:
        done = subprocess.run(
            [*_HARDENED, *arguments], cwd=folder, env=environment, input=given, capture_output=True, timeout=DEADLINE_S, check=False
        )
    except FileNotFoundError as e:
        raise KgateError("--base needs git, which is not on PATH", hint="install git") from e
    except subprocess.TimeoutExpired as e:
        raise KgateError(f"git did not answer within {DEADLINE_S} s", hint="check fewer paths, or try again on an idle machine") from e
    return done.stdout if done.returncode == 0 else None
