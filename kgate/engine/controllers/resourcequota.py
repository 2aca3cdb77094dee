"""Counts what the objects of a namespace use of its quotas (pkg/controller/resourcequota, pkg/quota/v1/install/update_filter.go).

What admission charges it finds again; what is deleted, ended or shrunk it gives back, at once. What nobody tells of (a pod that
outstays its termination) it finds when it counts everything, every `resource-quota-sync-period`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from msgspec.structs import replace

from kgate.engine.admission.quota.check import Evaluators, in_scope
from kgate.engine.admission.quota.counts import Evaluator, added, zero
from kgate.engine.api.codec import KINDS
from kgate.engine.api.core import Event
from kgate.engine.api.meta import FrozenMap, Key, Millis, Unstructured
from kgate.engine.api.quantity import Quantity
from kgate.engine.api.quota import ResourceQuota, ResourceQuotaStatus
from kgate.engine.manager import Manager, Watch
from kgate.engine.store import Store, key_of
from kgate.engine.trace import WatchEvent

SYNC_PERIOD_MS = 300_000


class ResourceQuotaController:
    """Registered before those that create pods: a real one is faster than their next attempt."""

    name: ClassVar[str] = "resourcequota"
    background: ClassVar[bool] = True

    def __init__(self, store: Store, manager: Manager, evaluators: Evaluators, *, sync_period_ms: Millis = SYNC_PERIOD_MS) -> None:
        """`sync_period_ms` 0: never without a reason."""
        self._store = store
        self._manager = manager
        self._evaluators = evaluators
        self._period_ms = sync_period_ms
        kinds = [cls for cls in KINDS.values() if cls is not Event]
        self.watches = (Watch(ResourceQuota, self._declared), *(Watch(cls, self._released) for cls in kinds))
        store.subscribe(self._others)

    def reconcile(self, key: Key) -> Millis | None:
        """syncResourceQuota, and when it is time to look again."""
        quota = self._store.get(ResourceQuota, key.namespace, key.name)
        if quota is None:
            return None
        status = ResourceQuotaStatus(hard=quota.spec.hard, used=FrozenMap(self._used(quota)), rest=quota.status.rest)
        self._store.update_status(replace(quota, status=status))
        return self._period_ms - self._store.now_ms % self._period_ms if self._period_ms else None

    def _used(self, quota: ResourceQuota) -> dict[str, Quantity]:
        """What nothing counts for keeps the value it had."""
        hard = quota.spec.hard
        total = {n: amount for n, amount in quota.status.used.items() if n in hard}
        total |= {n: zero() for n in self._evaluators.known(tuple(hard))}
        for kind in self._store.kinds():
            objects = [] if kind == "Event" else self._store.list_kind(kind, quota.metadata.namespace)
            if objects:
                total = self._counted(quota, self._evaluators.of(objects[0]), objects, total)
        return total

    def _counted(
        self, quota: ResourceQuota, evaluator: Evaluator, objects: Iterable[Any], total: dict[str, Quantity]
    ) -> dict[str, Quantity]:
        """Objects that use the same are multiplied, not added up one by one."""
        names = evaluator.matching(quota.spec.hard)
        if not names:
            return total
        groups: dict[int, tuple[int, Any]] = {}
        for obj in objects:
            if in_scope(evaluator, obj, quota.spec):
                usage = evaluator.usage(obj, self._store.now_ms)
                groups[id(usage)] = (groups.get(id(usage), (0, None))[0] + 1, usage)
        for times, usage in groups.values():
            total = added(total, {n: usage[n] for n in names if n in usage}, times)
        return total

    def _declared(self, event: WatchEvent) -> Iterable[Key]:
        """A new quota, or one that limits something else now."""
        before: Any = event.before
        after: Any = event.after
        if after is None:
            return ()
        return (event.key,) if before is None or before.spec.hard != after.spec.hard else ()

    def _released(self, event: WatchEvent) -> Iterable[Key]:
        """The quotas that an object counted for which is gone, or counts for less."""
        before = event.before
        if before is None or not event.key.namespace:
            return ()
        quotas = self._store.list(ResourceQuota, event.key.namespace)
        if not quotas:
            return ()
        evaluator = self._evaluators.of(before)
        if event.after is not None and not evaluator.released(before, event.after, self._store.now_ms):
            return ()
        return [key_of(q) for q in quotas if evaluator.matching(q.status.hard)]

    def _others(self, event: WatchEvent) -> None:
        """Kinds without a class of their own count too."""
        if event.after is None and isinstance(event.before, Unstructured):
            for key in self._released(event):
                self._manager.enqueue(self.name, key)
