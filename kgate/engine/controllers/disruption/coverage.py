"""Which pods a PodDisruptionBudget covers, and which budgets cover a pod, kept up to date write by write.

A sync then costs what the budget covers, and a pod's status costs a look-up, however many pods and budgets the namespace has.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kgate.engine.api import selector
from kgate.engine.api.core import Pod
from kgate.engine.api.meta import Key
from kgate.engine.api.policy import PodDisruptionBudget
from kgate.engine.store import Store, key_of
from kgate.engine.trace import WatchEvent


class Coverage:
    """Tell it of every write to a pod or a budget, in order."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._budgets: dict[str, dict[Key, PodDisruptionBudget]] = {}
        self._covered: dict[Key, dict[Key, Pod]] = {}
        self._covering: dict[Key, tuple[Key, ...]] = {}
        for budget in store.list(PodDisruptionBudget):
            if isinstance(budget, PodDisruptionBudget):
                self._set(key_of(budget), budget)

    def pods(self, budget: Key) -> Sequence[Pod]:
        """As they are now, in the order in which they came under it."""
        return list(self._covered.get(budget, {}).values())

    def budgets(self, pod: Key) -> tuple[Key, ...]:
        """In the order in which they came over it."""
        return self._covering.get(pod, ())

    def observe_budget(self, event: WatchEvent) -> None:
        """Only a new, a gone and a selector that changed matter."""
        before, after = event.before, event.after
        if isinstance(before, PodDisruptionBudget) and isinstance(after, PodDisruptionBudget):
            if before.spec.selector == after.spec.selector:
                self._budgets[event.key.namespace][event.key] = after
                return
            self._forget(event.key)
        if isinstance(after, PodDisruptionBudget):
            self._set(event.key, after)
        else:
            self._forget(event.key)
            self._budgets.get(event.key.namespace, {}).pop(event.key, None)

    def observe_pod(self, event: WatchEvent) -> tuple[Key, ...]:
        """The budgets that cover the pod as it is now, or as it last was."""
        budgets = self._budgets.get(event.key.namespace)
        if not budgets:
            return ()
        before, after = event.before, event.after
        if after is None:
            gone = self._covering.pop(event.key, ())
            self._drop(event.key, gone)
            return gone
        assert isinstance(after, Pod)
        if before is not None and before.metadata.labels is after.metadata.labels:
            known = self._covering.get(event.key, ())
            for name in known:
                self._covered[name][event.key] = after
            return known
        return self._cover(event.key, after, budgets)

    def _cover(self, key: Key, pod: Pod, budgets: dict[Key, PodDisruptionBudget]) -> tuple[Key, ...]:
        now = tuple(name for name, pdb in budgets.items() if selector.matches(pdb.spec.selector, pod.metadata.labels))
        self._drop(key, (name for name in self._covering.get(key, ()) if name not in now))
        for name in now:
            self._covered[name][key] = pod
        if now:
            self._covering[key] = now
        else:
            self._covering.pop(key, None)
        return now

    def _drop(self, pod: Key, budgets: Iterable[Key]) -> None:
        for name in budgets:
            self._covered[name].pop(pod, None)

    def _set(self, key: Key, budget: PodDisruptionBudget) -> None:
        self._budgets.setdefault(key.namespace, {})[key] = budget
        pods = self._covered[key] = {}
        for pod in self._store.list(Pod, key.namespace):
            if selector.matches(budget.spec.selector, pod.metadata.labels):
                pods[key_of(pod)] = pod
                self._covering[key_of(pod)] = (*self._covering.get(key_of(pod), ()), key)

    def _forget(self, key: Key) -> None:
        for pod in self._covered.pop(key, {}):
            left = tuple(name for name in self._covering[pod] if name != key)
            if left:
                self._covering[pod] = left
            else:
                del self._covering[pod]
