"""From the name of a PriorityClass to a pod's priority (plugin/pkg/admission/priority/admission.go)."""

from __future__ import annotations

from typing import NamedTuple

from kgate.engine.api.core import Pod, PriorityClass
from kgate.engine.api.meta import ObjectMeta
from kgate.engine.errors import forbidden
from kgate.engine.store import Store

PREEMPTS = "PreemptLowerPriority"

SYSTEM_CLASSES = tuple(
    PriorityClass(metadata=ObjectMeta(name=name), value=value, preemption_policy=PREEMPTS)
    for name, value in (("system-node-critical", 2_000_001_000), ("system-cluster-critical", 2_000_000_000))
)
"""Every cluster has them (pkg/apis/scheduling/v1/helpers.go)."""


class Priority(NamedTuple):
    """What a pod gets: its class (also the default one), the number, and whether it may preempt others."""

    class_name: str
    value: int
    policy: str


class Priorities:
    """What the PriorityClasses of the cluster make of a pod."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def of(self, pod: Pod) -> Priority:
        """Raises ApiError 403 for a class that does not exist, and for another priority or policy than the class has."""
        chosen = self._chosen(pod)
        name, value, policy = (chosen.metadata.name, chosen.value, chosen.preemption_policy) if chosen else ("", 0, PREEMPTS)
        spec = pod.spec
        if spec.priority not in (None, value):
            raise _refused(pod, f"the integer value of priority ({spec.priority})", value)
        if policy is not None and spec.preemption_policy not in (None, policy):
            raise _refused(pod, f"the string value of PreemptionPolicy ({spec.preemption_policy})", policy)
        return Priority(name, value, policy or spec.preemption_policy or PREEMPTS)

    def admit_class(self, wanted: PriorityClass) -> None:
        """Raises ApiError 403 for a second default."""
        default = self._default() if wanted.global_default else None
        if default is not None and default.metadata.name != wanted.metadata.name:
            why = f"PriorityClass {default.metadata.name} is already marked as default. Only one default can exist"
            raise forbidden("priorityclasses.scheduling.k8s.io", wanted.metadata.name, why)

    def _chosen(self, pod: Pod) -> PriorityClass | None:
        name = pod.spec.priority_class_name
        if not name:
            return self._default()
        found = self._store.get(PriorityClass, "", name)
        if found is None:
            raise forbidden("pods", pod.metadata.name, f"no PriorityClass with name {name} was found")
        return found

    def _default(self) -> PriorityClass | None:
        """The lowest of those that are marked; there can be several only by mishap."""
        marked = [c for c in self._store.list(PriorityClass) if c.global_default]
        return min(marked, key=lambda c: c.value, default=None)


def _refused(pod: Pod, what: str, computed: object) -> Exception:
    why = f"{what} must not be provided in pod spec; priority admission controller computed {computed} from the given PriorityClass name"
    return forbidden("pods", pod.metadata.name, why)
