"""What pods count for in a quota (pkg/quota/v1/evaluator/core/pods.go)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from kgate.engine.admission.pods import qos_class
from kgate.engine.admission.quota.counts import ONE, ObjectCount, Requirement, Usage
from kgate.engine.api import resources
from kgate.engine.api.core import Affinity, Container, Pod, PodAffinityTerm, PodSpec
from kgate.engine.api.meta import Millis
from kgate.engine.api.selector import requirement_matches

COUNT = "count/pods"
_PLAIN = ("cpu", "memory", "ephemeral-storage")
_NAMED = frozenset({COUNT, "pods", *_PLAIN, *(f"{part}.{name}" for part in ("requests", "limits") for name in _PLAIN)})
_MUST_NAME = ("cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory")
"""Who limits these obliges every container to name them."""
_DEVICE_CLASS = "deviceclass.resource.kubernetes.io/"


class PodCount(ObjectCount):
    """The object itself until it is gone; all else until the pod has ended, or is stuck in its termination."""

    def __init__(self) -> None:
        super().__init__("pods")
        self._computed: dict[tuple[int, ...], tuple[PodSpec, Usage]] = {}

    def matching(self, names: Iterable[str]) -> list[str]:
        return sorted(n for n in names if n in _NAMED or n.startswith(("hugepages-", "requests.hugepages-")) or _is_extended(n))

    def usage(self, obj: Pod, now_ms: Millis) -> Usage:
        """Pods of one template share one mapping."""
        return self._of(obj.spec) if charged(obj, now_ms) else _ENDED

    def _of(self, spec: PodSpec) -> Usage:
        """Binding a pod makes a new spec of the same parts. The spec that is kept with its usage keeps the ids from being reused."""
        key = (id(spec.containers), id(spec.init_containers), id(spec.resources), id(spec.overhead))
        known = self._computed.get(key)
        if known is None:
            requests, limits = resources.pod_requests(spec), resources.pod_limits(spec)
            known = self._computed[key] = (spec, {COUNT: ONE, **_compute(requests, limits)})
        return known[1]

    def in_scope(self, obj: Pod, requirement: Requirement) -> bool:
        match requirement.scope_name:
            case "Terminating":
                return has_deadline(obj)
            case "NotTerminating":
                return not has_deadline(obj)
            case "BestEffort":
                return qos_class(obj.spec) == "BestEffort"
            case "NotBestEffort":
                return qos_class(obj.spec) != "BestEffort"
            case "PriorityClass":
                name = obj.spec.priority_class_name
                labels = {"PriorityClass": name} if name else {}
                return requirement_matches("PriorityClass", requirement.operator, requirement.values, labels)
            case "CrossNamespacePodAffinity":
                return any(t.namespaces or t.namespace_selector is not None for t in _terms(obj.spec.affinity))
        return False

    def missing(self, obj: Pod, names: Iterable[str]) -> str:
        """`limits.cpu for: c1; requests.memory for: c1,c2`. A pod that has resources of its own need not name them again."""
        own = obj.spec.resources
        if own is not None and any(resources.is_pod_level(n) for n in (*own.requests, *own.limits)):
            return ""
        containers = (*obj.spec.containers, *obj.spec.init_containers)
        out = []
        for name in sorted(set(names) & set(_MUST_NAME)):
            without = sorted({c.name for c in containers if name not in _names(c)})
            if without:
                out.append(f"{name} for: {','.join(without)}")
        return "; ".join(out)

    def recounted(self, before: Pod, after: Pod) -> bool:
        return has_deadline(before) != has_deadline(after)

    def released(self, before: Pod, after: Pod, now_ms: Millis) -> bool:
        return self.recounted(before, after) or (charged(before, now_ms) and not charged(after, now_ms))


_ENDED: Usage = {COUNT: ONE}


def charged(pod: Pod, now_ms: Millis) -> bool:
    """Neither ended nor overdue: a pod that is still there a second grace period after its deletionTimestamp is not counted."""
    if pod.terminal:
        return False
    due, grace = pod.metadata.deletion_timestamp_ms, pod.metadata.deletion_grace_period_seconds
    return due is None or grace is None or now_ms <= due // 1000 * 1000 + grace * 1000


def has_deadline(pod: Pod) -> bool:
    """What the scope Terminating means: it will end by itself."""
    deadline = pod.spec.rest.get("activeDeadlineSeconds")
    return isinstance(deadline, int) and deadline >= 0


def _compute(requests: Mapping[str, int], limits: Mapping[str, int]) -> Usage:
    out = {"pods": ONE}
    for name in _PLAIN:
        if name in requests:
            out[name] = out[f"requests.{name}"] = resources.quantity(name, requests[name])
        if name in limits:
            out[f"limits.{name}"] = resources.quantity(name, limits[name])
    for name, amount in requests.items():
        if name.startswith("hugepages-"):
            out[name] = out[f"requests.{name}"] = resources.quantity(name, amount)
        elif name.startswith(_DEVICE_CLASS) or ("/" in name and "kubernetes.io/" not in name and not name.startswith("requests.")):
            out[f"requests.{name}"] = resources.quantity(name, amount)
    return out


def _names(c: Container) -> Usage:
    return _compute(c.resources.requests, c.resources.limits)


def _is_extended(name: str) -> bool:
    foreign = "/" in name and "kubernetes.io/" not in name
    return name.startswith("requests.") and (foreign or name.startswith(f"requests.{_DEVICE_CLASS}"))


def _terms(affinity: Affinity | None) -> Iterator[PodAffinityTerm]:
    for side in (affinity.pod_affinity, affinity.pod_anti_affinity) if affinity is not None else ():
        if side is not None:
            yield from side.required
            yield from (w.pod_affinity_term for w in side.preferred)
