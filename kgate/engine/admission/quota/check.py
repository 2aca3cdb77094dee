"""Measures new and changed objects against the quotas of their namespace, and charges them.

Source: s/apiserver/pkg/admission/plugin/resourcequota/controller.go (CheckRequest). What counts is a quota's status, which the
quota controller fills: a quota that it has not seen yet limits nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from kgate.engine.admission.quota.counts import ClaimCount, Evaluator, ObjectCount, ServiceCount, Usage, added
from kgate.engine.admission.quota.pods import PodCount
from kgate.engine.api.meta import FrozenMap, Resource
from kgate.engine.api.names import resource
from kgate.engine.api.quantity import ZERO, Quantity
from kgate.engine.api.quota import ResourceQuota, ResourceQuotaSpec
from kgate.engine.errors import ApiError, forbidden
from kgate.engine.store import Store


class Evaluators:
    """By what a resource is called: `pods`, `deployments.apps`."""

    def __init__(self) -> None:
        self._by_name: dict[str, Evaluator] = {"pods": PodCount(), "services": ServiceCount(), "persistentvolumeclaims": ClaimCount()}

    def of(self, obj: Resource) -> Evaluator:
        name = resource(obj.api_version, obj.kind)
        found = self._by_name.get(name)
        if found is None:
            found = self._by_name[name] = ObjectCount(name)
        return found

    def known(self, names: Sequence[str]) -> list[str]:
        """Those that some kind of object counts for. Any `count/...` does: which kinds a cluster has is not modelled."""
        old = [name for e in self._static() for name in e.matching(names)]
        return [n for n in names if n in old or n.startswith("count/")]

    def _static(self) -> list[Evaluator]:
        old = (ObjectCount(name) for name in ("configmaps", "replicationcontrollers", "resourcequotas", "secrets"))
        return [self._by_name["pods"], self._by_name["services"], self._by_name["persistentvolumeclaims"], *old]


def in_scope(evaluator: Evaluator, obj: Resource, spec: ResourceQuotaSpec) -> bool:
    """All scopes of the quota hold; one without scopes counts everything."""
    return all(evaluator.in_scope(obj, r) for r in spec.requirements)


class QuotaAdmission:
    """The last in the chain: what passes here is charged, whatever becomes of it."""

    def __init__(self, store: Store, evaluators: Evaluators) -> None:
        self._store = store
        self._evaluators = evaluators

    def admit(self, obj: Resource, before: Resource | None = None) -> None:
        """Raises ApiError 403 in the words of the first quota that has no room. Quotas are looked at in order of creation."""
        namespace = obj.metadata.namespace
        quotas = self._store.list(ResourceQuota, namespace) if namespace else ()
        if not quotas or obj.kind == "Event":
            return
        evaluator = self._evaluators.of(obj)
        if before is not None and not evaluator.recounted(before, obj):
            return
        bearing = [q for q in quotas if self._bears(q, evaluator, obj)]
        if bearing:
            self._charge(obj, before, evaluator, bearing)

    def _bears(self, quota: ResourceQuota, evaluator: Evaluator, obj: Resource) -> bool:
        """Raises ApiError when the object does not name what the quota limits, or the quota's usage is unknown."""
        names = evaluator.matching(quota.status.hard)
        if not names or not in_scope(evaluator, obj, quota.spec):
            return False
        if missing := evaluator.missing(obj, names):
            raise _refused(obj, f"failed quota: {quota.metadata.name}: must specify {missing}")
        if any(n not in quota.status.used for n in names):
            raise _refused(obj, f"status unknown for quota: {quota.metadata.name}, resources: {','.join(names)}")
        return True

    def _charge(self, obj: Resource, before: Resource | None, evaluator: Evaluator, quotas: Sequence[ResourceQuota]) -> None:
        usage = evaluator.usage(obj, self._store.now_ms)
        if negative := sorted(n for n, amount in usage.items() if amount < ZERO):
            raise _refused(obj, f"quota usage is negative for resource(s): {','.join(negative)}")
        charged = []
        for quota in quotas:
            more = usage
            if before is not None and in_scope(evaluator, before, quota.spec):
                more = _beyond(usage, evaluator.usage(before, self._store.now_ms))
            asked = {n: amount for n, amount in more.items() if amount and n in quota.status.hard}
            used = added(quota.status.used, asked)
            _fit(obj, quota, asked, used)
            charged.append((quota, FrozenMap(used)))
        for quota, total in charged:
            self._store.update_status(replace(quota, status=replace(quota.status, used=total)))


def _fit(obj: Resource, quota: ResourceQuota, asked: Usage, used: Usage) -> None:
    hard = quota.status.hard
    beyond = sorted(n for n in asked if used[n] > hard[n])
    if beyond:
        parts = (("requested", asked), ("used", quota.status.used), ("limited", hard))
        said = ", ".join(f"{what}: {_listed(amounts, beyond)}" for what, amounts in parts)
        raise _refused(obj, f"exceeded quota: {quota.metadata.name}, {said}")


def _listed(amounts: Mapping[str, Quantity], names: Sequence[str]) -> str:
    return ",".join(f"{n}={amounts[n]}" for n in names if n in amounts)


def _beyond(usage: Usage, previous: Usage) -> dict[str, Quantity]:
    """What an update uses more; what it uses less is for the quota controller to find."""
    more = {n: amount - previous.get(n, ZERO) for n, amount in usage.items()}
    return {n: amount for n, amount in more.items() if amount > ZERO}


def _refused(obj: Any, why: str) -> ApiError:
    return forbidden(resource(obj.api_version, obj.kind), obj.metadata.name, why)
