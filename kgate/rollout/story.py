"""The trace of one Deployment for people: a line for everything they would see in `kubectl get events` and `get pods -w`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from kgate.engine.api.core import Event, Pod
from kgate.engine.api.meta import Key
from kgate.engine.trace import WatchEvent
from kgate.rollout.follow import owner_of

MOST_LINES = 2000
"""A longer story keeps its beginning, and says how much is missing."""


def told(events: Sequence[WatchEvent], begin: int, begin_ms: int, deployments: Iterable[Key]) -> dict[Key, str]:
    """By Deployment `0:00.300 Pod/web-5d9-abcde Ready`, one line an event, times from the change on; one pass for all of them."""
    stories: dict[Key, list[str]] = {key: [] for key in deployments}
    owners: dict[str, Key] = {}
    for index, event in enumerate(events):
        whose = owner_of(event, owners)
        if index >= begin and whose in stories:
            stories[whose] += [f"{clock(event.time_ms - begin_ms)} {line}" for line in _lines(event)]
    return {key: _cut(lines) for key, lines in stories.items()}


def _cut(lines: Sequence[str]) -> str:
    hidden = len(lines) - MOST_LINES
    return "\n".join(lines if hidden <= 0 else [*lines[:MOST_LINES], f"... {hidden} more"])


def clock(ms: int) -> str:
    """Minutes, seconds and thousandths: 75300 is `1:15.300`."""
    seconds, rest = divmod(ms, 1000)
    return f"{seconds // 60}:{seconds % 60:02d}.{rest:03d}"


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
