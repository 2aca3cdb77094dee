"""What a renderer gives back: the objects of one app, or why it has none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from kgate.manifest import Manifest, Source

if TYPE_CHECKING:
    from kgate.load.render.nodes import Place


class NotRendered(Exception):  # noqa: N818 (an answer, not an error)
    """Why an app has no objects: kgate does not do it, or the tool itself would refuse. Never half of an app."""

    def __init__(self, reason: str, *, place: Place | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.place = place


class Elsewhere(NotRendered):
    """The app's source is no part of this repository: nothing that was given goes unjudged."""


class Rendering(Struct, frozen=True, kw_only=True):
    """One app: a kustomization, chart, Application... that nothing else includes."""

    app: str
    """Its name to the reader: the folder for a kustomization."""
    renderer: str
    """`kustomize`, `helm`, ..."""
    file: str
    """The file that starts it, as shown."""
    inputs: tuple[str, ...] = ()
    """Every file that was read for it, as shown, sorted; `file` included."""
    consumed: frozenset[str] = frozenset()
    """The same by real path (`Files.real`): what is rendered is not judged a second time on its own."""
    reason: str = ""
    """Why it is not rendered; empty when it is."""
    line: int = 1
    """Where in `file` that reason stands, or the declaration of the app."""
    elsewhere: bool = False
    """The reason is that its source is no part of this repository."""
    manifests: tuple[Manifest, ...] = ()
    """In the order of the output. `Manifest.file` is `file` and `Manifest.document` counts the objects of the app, so that the two name an
    object; `Manifest.locate` answers with the file and line that wrote the node."""
    sources: tuple[Source, ...] = ()
    """The texts of `inputs` that nodes can stand in."""
    kind: str = ""
    """Of the object that declares the app: `Application`, `ApplicationSet`, `Kustomization`, `HelmRelease`; empty where none does."""
    environment: str = ""
    """Where it goes, as far as the app says: `prod-eu/web` (cluster and namespace)."""
    notes: tuple[str, ...] = ()
    """What was taken for granted in rendering it."""

    @property
    def rendered(self) -> bool:
        return not self.reason


class Entry(Struct, frozen=True, kw_only=True, order=True):
    """What lies in a folder."""

    name: str
    folder: bool = False
    link: bool = False
    """A symbolic link, wherever it leads; then `folder` says nothing."""


class Remotes(Struct, frozen=True, kw_only=True):
    """What a clone knows of where it comes from."""

    urls: tuple[str, ...] = ()
    branch: str = ""
    """The one that is checked out; empty when none is."""


class Files(Protocol):
    """The files that renderers may read: the working tree, or a commit."""

    def read(self, path: str) -> bytes | None:
        """None when there is no such file, or none that may be read."""

    def is_folder(self, path: str) -> bool: ...

    def real(self, path: str) -> str:
        """`path` without `..` and symbolic links: two names of one file are equal after it."""

    def shown(self, path: str) -> str:
        """As the user is to see it."""

    def top(self, path: str) -> str:
        """The real folder that nothing outside of may be read for `path`: the top of its repository; empty when there is none."""

    def entries(self, folder: str) -> tuple[Entry, ...]:
        """What lies in it, sorted; nothing when there is no such folder."""

    def remotes(self, path: str) -> Remotes:
        """Of the repository that `path` lies in."""
