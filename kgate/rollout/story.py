"""The trace of one Deployment for people: a line for everything they would see in `kubectl get events` and `get pods -w`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kgate.engine.api.apps import ReplicaSet
from kgate.engine.api.core import Event, Pod
from kgate.engine.api.meta import Key
from kgate.engine.trace import WatchEvent

MOST_LINES = 2000
"""A longer story keeps its beginning, and says how much is missing."""


def told(events: Sequence[WatchEvent], begin: int, begin_ms: int, deployment: Key) -> str:
    """`0:00.300 Pod/web-5d9-abcde Ready`, one line an event, times from the change on."""
    lines: list[str] = []
    mine: set[str] = set()
    for index, event in enumerate(events):
        if not _belongs(event, deployment, mine) or index < begin:
            continue
        lines += [f"{clock(event.time_ms - begin_ms)} {line}" for line in _lines(event)]
    hidden = len(lines) - MOST_LINES
    return "\n".join(lines if hidden <= 0 else [*lines[:MOST_LINES], f"... {hidden} more"])


def clock(ms: int) -> str:
    """Minutes, seconds and thousandths: 75300 is `1:15.300`."""
    seconds, rest = divmod(ms, 1000)
    return f"{seconds // 60}:{seconds % 60:02d}.{rest:03d}"


def _belongs(event: WatchEvent, deployment: Key, mine: set[str]) -> bool:
    """`mine` grows with the uids of the Deployment, its ReplicaSets and their pods."""
    obj = event.object
    if isinstance(obj, Event):
        return obj.involved_object.uid in mine
    ref = obj.metadata.controller
    if event.key == deployment or (ref is not None and ref.uid in mine and isinstance(obj, ReplicaSet | Pod)):
        mine.add(obj.metadata.uid)
        return True
    return False


def _lines(event: WatchEvent) -> Iterator[str]:
    before, after = event.before, event.after
    if isinstance(after, Event):
        about = after.involved_object
        times = f" (x{after.count})" if after.count > 1 else ""
        yield f"{about.kind}/{about.name} {after.reason}: {after.message}{times}"
    elif isinstance(event.object, Pod):
        yield from _pod(event.key.name, before if isinstance(before, Pod) else None, after if isinstance(after, Pod) else None)


def _pod(name: str, before: Pod | None, after: Pod | None) -> Iterator[str]:
    if after is None:
        yield f"Pod/{name} gone"
    elif before is not None:
        if before.ready != after.ready:
            yield f"Pod/{name} {'Ready' if after.ready else 'not ready'}"
        if after.metadata.deleting and not before.metadata.deleting:
            yield f"Pod/{name} Terminating"
