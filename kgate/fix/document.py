"""All edits of one document, and the proof that the new text says what was meant."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from kgate.edit import APPEND, Edit, Impossible, Operation, Page, Spot, made, pruned_path
from kgate.fix.editor import Pen, Splice, spliced
from kgate.manifest import Path


class Reader(Protocol):
    """What `load` knows of texts."""

    def pages(self, text: str) -> tuple[Page, ...]:
        """The documents of a file's text."""

    def page(self, text: str) -> Page:
        """The only document of a text. Raises Impossible."""

    def spots(self, page: Page) -> Spot:
        """Where its nodes stand. Raises Impossible."""


def edited(page: Page, edits: Iterable[Edit], reader: Reader) -> tuple[str, Any]:
    """The text of the document with all edits made, and what it then means. Raises Impossible, also when the new text means anything else.

    Each round makes the changes that do not meet, and reads the text again.
    """
    pending = in_order(edits)
    if any(not edit.path for edit in pending):
        raise Impossible("a whole document is not replaced")
    while pending:
        changes, body, later = _round(page, Pen(page.text, reader.spots(page), page.body), pending)
        new = reader.page(spliced(page.text, changes))
        if not same(new.body, body) or new.faults > page.faults:
            raise Impossible("the new text would not mean what it should")
        page, pending = new, later
    return page.text, page.body


def in_order(edits: Iterable[Edit]) -> list[Edit]:
    """Each once; what moves the items of a list comes last, from the back, so that no index is wrong when its turn comes."""
    unique = {repr(e): e for e in edits}.values()
    moving = [e for e in unique if _moves(e)]
    return [*(e for e in unique if not _moves(e)), *sorted(moving, key=lambda e: _natural(e.path), reverse=True)]


def same(a: Any, b: Any) -> bool:
    """As JSON: `1` is not `true`, and the order of keys says nothing."""
    return json.dumps(a, sort_keys=True) == json.dumps(b, sort_keys=True)


def _moves(edit: Edit) -> bool:
    return edit.operation is Operation.REMOVE or (edit.operation is Operation.INSERT and edit.path[-1:] != (APPEND,))


def _natural(path: Path) -> tuple[tuple[int, str], ...]:
    return tuple((step, "") if isinstance(step, int) else (-1, step) for step in path)


def _round(page: Page, pen: Pen, pending: Sequence[Edit]) -> tuple[list[Splice], Any, list[Edit]]:
    """The changes of this round, what the document then means, and what has to wait."""
    changes: list[Splice] = []
    body, later, emptied = page.body, list[Edit](), set[Path]()
    for edit in pending:
        if edit.operation is Operation.REMOVE:
            above = pruned_path(page.body, edit)[:-1]
            if later or above in emptied:  # two at once could leave nothing, and what waits has the old indexes
                later.append(edit)
                continue
            emptied.add(above)
        wanted = pen.splices(edit)
        if _meet(wanted, changes) or (later and _moves(edit)):
            later.append(edit)
        else:
            changes += wanted
            body = made(body, edit)
    return changes, body, later


def _meet(wanted: Sequence[Splice], others: Sequence[Splice]) -> bool:
    return any(a.begin <= b.end and b.begin <= a.end for a in wanted for b in others)
