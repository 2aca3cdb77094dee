"""What to edit so that a violation is none any more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kgate.edit import Edit, Fix, Operation
from kgate.manifest import Manifest, Path
from kgate.policy.policy import Anchor, Policy, Violation

_OPERATIONS: Mapping[str, Operation] = {
    "value": Operation.SET,
    "insert": Operation.INSERT,
    "rename": Operation.RENAME,
    "remove": Operation.REMOVE,
}
EDIT_KEYS = ("path", "prune", *_OPERATIONS)
KEYS = ("edits", "at", "unsafe", *EDIT_KEYS)


def fix_of(policy: Policy, violation: Violation, subject: Any) -> Fix | None:
    """By the check's own word, else by the policy's data. None for what nobody can mend without thinking."""
    told = policy.fix
    if told is None:
        return None
    if violation.edits:
        return Fix(edits=violation.edits, unsafe=told.unsafe if violation.unsafe is None else violation.unsafe)
    if not told.edits:
        return None
    root = _root(told.anchor, violation, subject)
    return Fix(edits=tuple(edit.below(root) for edit in told.edits), unsafe=told.unsafe)


def _root(anchor: Anchor, violation: Violation, subject: Any) -> Path:
    if anchor is Anchor.PLACE:
        return violation.path
    if anchor is Anchor.OBJECT or isinstance(subject, Manifest):
        return ()
    path: Path = subject.path
    return path


def edits_of(data: Mapping[str, Any]) -> tuple[Edit, ...]:
    """The edits that a policy's `fix:` describes; none when it leaves that to the check. Raises ValueError with what is wrong."""
    if "edits" in data:
        several = data["edits"]
        if not isinstance(several, list) or not all(isinstance(e, dict) and set(e) <= set(EDIT_KEYS) for e in several):
            raise ValueError(f"edits of a fix are a list of mappings with {', '.join(EDIT_KEYS)}")
        return tuple(_edit(e) for e in several)
    return (_edit(data),) if set(data) & set(EDIT_KEYS) else ()


def _edit(data: Mapping[str, Any]) -> Edit:
    named = [key for key in _OPERATIONS if key in data]
    if len(named) != 1:
        raise ValueError(f"a fix has exactly one of {', '.join(_OPERATIONS)}")
    if named == ["remove"] and data["remove"] is not True:
        raise ValueError("remove is true, or not there")
    if named == ["rename"] and not isinstance(data["rename"], str):
        raise ValueError("rename is the new name of the key")
    prune = data.get("prune", 0)
    if isinstance(prune, bool) or not isinstance(prune, int) or prune < 0:
        raise ValueError("prune counts the levels above that go when they become empty")
    value = None if named == ["remove"] else data[named[0]]
    return Edit(path=steps(data.get("path", "")), operation=_OPERATIONS[named[0]], value=value, prune=prune)


def steps(pointer: object) -> Path:
    """RFC 6901, backwards; digits are places in lists. Raises ValueError."""
    if not isinstance(pointer, str) or (pointer and not pointer.startswith("/")):
        raise ValueError("the path of a fix is a JSON pointer such as /securityContext/privileged")
    written = [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]
    return tuple(int(step) if step.isascii() and step.isdigit() else step for step in written)
