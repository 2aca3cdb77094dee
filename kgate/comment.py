"""A comment of a YAML text that speaks to kgate: `load` finds it, `waivers` understands it."""

from __future__ import annotations

from msgspec import Struct

from kgate.manifest import Location, Path

PREFIX = "kgate:"
"""What stands behind the `#` of such a comment."""


class Node(Struct, frozen=True, kw_only=True):
    """The node that a comment stands before."""

    path: Path
    """From the document's root. Empty before the first key of the document: then it is the whole document."""
    but: frozenset[str] = frozenset()
    """Keys below `path` that are not meant: a merge (`<<`) brings all keys of its mapping but those that are written there."""
    end: Location
    """Just behind its last character."""


class Comment(Struct, frozen=True, kw_only=True):
    place: Location
    """Of its `#`, in the file."""
    text: str
    """What follows `kgate:`, without the spaces around it."""
    document: int | None
    """Index of the document it stands in; None between documents, and in one that holds nothing."""
    alone: bool
    """Nothing but space stands before it on its line."""
    before: Node | None = None
    """Of one that is alone: the node that begins on the next line with content, unless the comment is indented deeper than that."""
