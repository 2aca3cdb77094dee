"""Everything that happened, in order: the record that verdicts and reports are made from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, NamedTuple

from kgate.engine.api.meta import Key, Millis, Resource

ADDED, MODIFIED, DELETED = "ADDED", "MODIFIED", "DELETED"


class WatchEvent(NamedTuple):
    """One write. `before` is None when the object is new, `after` is None when it is gone. (Not core/v1 Event.)"""

    time_ms: Millis
    resource_version: int
    type: str
    key: Key
    before: Resource | None
    after: Resource | None

    @property
    def object(self) -> Resource:
        """The object as it is now, or as it last was."""
        obj = self.after if self.after is not None else self.before
        assert obj is not None
        return obj


class Trace:
    """All WatchEvents since the cluster began. Subscribe `record` to a store."""

    fork_holds: ClassVar[tuple[str, ...]] = ("_events",)

    def __init__(self) -> None:
        self._events: list[WatchEvent] = []

    def record(self, event: WatchEvent) -> None:
        self._events.append(event)

    def __iter__(self) -> Iterator[WatchEvent]:
        return iter(self._events)

    def __len__(self) -> int:
        return len(self._events)

    def __getitem__(self, n: int) -> WatchEvent:
        return self._events[n]

    def of(self, kind: str) -> list[WatchEvent]:
        """The events of one kind, in order."""
        return [e for e in self._events if e.key.kind == kind]
