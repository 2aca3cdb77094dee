"""The phases of a recording: what happened between one changing step and the next, as bounds and sequences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

Entry = Mapping[str, Any]
"""One change in the timeline of a recording."""

_NOTHING: Mapping[str, Any] = {"pods": 0, "ready": 0, "terminating": 0, "bound": 0, "rs": {}}


class Mark(Struct, frozen=True, kw_only=True):
    """Where a phase begins: the index, in the timeline, of the write of its step.

    A step that writes nothing through the API (a node that stops, a pod that turns unready) begins with the last change seen before it.
    """

    step: int
    op: str
    begin: int


def phases(timeline: Sequence[Entry], marks: Sequence[Mark]) -> list[dict[str, Any]]:
    """One mapping for each mark. A phase ends where the next one begins, the last one with the timeline."""
    ends = [*(m.begin for m in marks[1:]), len(timeline)]
    return [_phase(timeline, mark, end) for mark, end in zip(marks, ends, strict=False)]


def _phase(timeline: Sequence[Entry], mark: Mark, end: int) -> dict[str, Any]:
    inside = timeline[mark.begin : end]
    span = [inside[0]["t"], inside[-1]["t"]] if inside else None
    phase: dict[str, Any] = {"step": mark.step, "op": mark.op, "t": span}
    counted = [e["n"] for e in inside if "n" in e]
    if not counted:
        return phase
    before = next((e["n"] for e in reversed(timeline[: mark.begin]) if "n" in e), _NOTHING)
    return phase | _bounds([before, *counted]) | _sequences(inside, [before, *counted], _revisions(timeline[: max(end, mark.begin)]))


def _bounds(states: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    ready = [s["ready"] for s in states]
    pods = [s["pods"] for s in states]
    sums = [sum(size for size, *_ in s["rs"].values()) for s in states]
    return {
        "minReady": min(ready),
        "maxReady": max(ready),
        "minPods": min(pods),
        "maxPods": max(pods),
        "maxPodsInclTerminating": max(s["pods"] + s["terminating"] for s in states),
        "maxSpecSum": max(sums),
        "minSpecSum": min(sums),
    }


def _sequences(inside: Sequence[Entry], states: Sequence[Mapping[str, Any]], revisions: Mapping[str, int]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    available = [_new(e["set"]["status.availableReplicas"]) for e in inside if _changes_availability(e)]
    if available:
        out["statusAvailableSeq"] = available
    targets = _unrepeated({alias: rs[0] for alias, rs in s["rs"].items()} for s in states)
    out["scaleTargets"] = targets
    known = {alias for t in targets for alias in t}
    if known and len({alias.rpartition("/")[0] for alias in known}) == 1:
        newest = max(sorted(known), key=lambda alias: revisions.get(alias, 0))
        out["newRS"] = newest
        out["pairs_new_old"] = _unrepeated([t.get(newest, 0), sum(n for alias, n in t.items() if alias != newest)] for t in targets)
    return out


def _changes_availability(entry: Entry) -> bool:
    return str(entry["o"]).startswith("Deployment/") and "status.availableReplicas" in entry.get("set", {})


def _revisions(timeline: Iterable[Entry]) -> dict[str, int]:
    """The last known revision of every ReplicaSet, gone ones included."""
    out: dict[str, int] = {}
    for entry in timeline:
        kind, _, alias = str(entry["o"]).partition("/")
        if kind == "ReplicaSet" and "revision" in entry.get("set", {}):
            out[alias] = int(_new(entry["set"]["revision"]) or 0)
    return out


def _new(change: Any) -> Any:
    """The value after a change: timelines write `new` or `[old, new]`."""
    return change[1] if isinstance(change, list) else change


def _unrepeated(values: Iterable[Any]) -> list[Any]:
    """Without the repeats that stand next to each other."""
    out: list[Any] = []
    for value in values:
        if not out or out[-1] != value:
            out.append(value)
    return out
