"""A Manifest is what the user wrote, and it knows the line of every node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from msgspec import Struct

Path = tuple[str | int, ...]
"""Where a node is inside a document: keys and list indexes from the root."""


def pointer(path: Path) -> str:
    """RFC 6901: `("metadata", "labels", "a/b")` is `/metadata/labels/a~1b`; the root is the empty string."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


class Location(Struct, frozen=True, kw_only=True, order=True):
    """A place in a file; `line` and `column` are 1-based, `column` counts characters."""

    line: int
    column: int
    file: str = ""
    """Where it is not the manifest's own: the nodes of a rendered object come from several files."""
    document: int = 0
    """Of `file`, where that is given."""


class Subject(Struct, frozen=True, kw_only=True):
    """Which object of the cluster a finding is about. `namespace` is empty when the manifest names none."""

    api_version: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


class Source(Protocol):
    """The text a manifest came from. `load` implements it; nobody else opens files."""

    @property
    def file(self) -> str:
        """As the user gave it, relative to the working directory where possible; `<stdin>` for standard input."""

    def lines(self) -> tuple[str, ...]:
        """The text as Kubernetes' YAML reader splits it, line ends removed."""

    def locate(self, document: int, path: Path, *, key: bool) -> Location:
        """Where the node at `path` begins; with `key`, where its key begins (for a list item: the item).

        A path that does not exist in the text is answered with its nearest existing ancestor, so a finding about
        a missing key stands at its parent.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One Kubernetes object as written: one YAML document, or one item of a `List`."""

    source: Source = field(repr=False, compare=False)
    document: int
    """0-based index of the YAML document in its file."""
    root: Path = ()
    """Where the object stands in its document: empty, or `("items", 3)` inside a List."""
    body: Mapping[str, Any]
    app: str = ""
    """The app whose rendering this is; empty for an object as it was written. See `kgate.load.render`."""

    @property
    def file(self) -> str:
        return self.source.file

    @property
    def api_version(self) -> str:
        return _text(self.body.get("apiVersion"))

    @property
    def group(self) -> str:
        """The API group: `apps` of `apps/v1`, empty for the core group."""
        group, slash, _ = self.api_version.partition("/")
        return group if slash else ""

    @property
    def kind(self) -> str:
        return _text(self.body.get("kind"))

    @property
    def metadata(self) -> Mapping[str, Any]:
        """The object's metadata, empty when it is absent or no mapping (validate has said so by then)."""
        metadata = self.body.get("metadata")
        return metadata if isinstance(metadata, Mapping) else {}

    @property
    def name(self) -> str:
        return _text(self.metadata.get("name")) or _text(self.metadata.get("generateName"))

    @property
    def namespace(self) -> str:
        return _text(self.metadata.get("namespace"))

    @property
    def subject(self) -> Subject:
        return Subject(api_version=self.api_version, kind=self.kind, namespace=self.namespace, name=self.name)

    def files(self, path: Path = ()) -> tuple[str, ...]:
        """What patterns of files can name: the manifest's own and, for a rendered object, that which wrote the node at `path`."""
        written = self.locate(path).file if self.app else ""
        return (self.file, written) if written else (self.file,)

    def locate(self, path: Path, *, key: bool = False) -> Location:
        """The place of the value (or, with `key`, of the key) at `path`, which starts at the object, not at the document."""
        return self.source.locate(self.document, self.root + path, key=key)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
