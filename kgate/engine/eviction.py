"""The eviction subresource of pods (pkg/registry/core/pod/storage/eviction.go).

Nothing happens between its reads and its writes, so the retries of upstream after a conflict have no counterpart.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from kgate.engine.api import selector
from kgate.engine.api.core import Pod
from kgate.engine.api.meta import Condition, Key, condition
from kgate.engine.api.policy import ALWAYS_ALLOW, SYNC_FAILED, PodDisruptionBudget, PodDisruptionBudgetStatus
from kgate.engine.controllers.disruption.status import disruption_allowed, with_disruption_allowed
from kgate.engine.errors import ApiError, Cause, conflict, forbidden, not_found
from kgate.engine.store import Store

MAX_DISRUPTED_PODS = 2000
"""Granted evictions that the controller has not seen carried out; with more, no further one is granted."""

VIOLATION = "Cannot evict pod as it would violate the pod's disruption budget."


class Eviction(Struct, frozen=True, kw_only=True):
    """What a client may ask for besides the pod's name: the deleteOptions of a policy/v1 Eviction."""

    grace_s: int | None = None
    dry_run: bool = False
    uid: str = ""
    """The pod must still be this one."""
    resource_version: str = ""
    """The pod must not have changed since."""


def evict(store: Store, namespace: str, name: str, eviction: Eviction) -> None:
    """Deletes the pod if its budget allows it.

    Raises ApiError: 404, 429 (a budget would be violated or is not counted yet), 500 (several budgets), 409 (preconditions), 403.
    """
    pod = store.get(Pod, namespace, name)
    if pod is None:
        raise not_found("pods", name)
    if not _beyond_budgets(pod):
        budget = _budget_of(store, pod)
        if budget is not None and not _may_go_unready(pod, budget):
            _spend(store, budget, pod, dry_run=eviction.dry_run)
    _delete(store, pod, eviction)


def _beyond_budgets(pod: Pod) -> bool:
    """Its disruption is no news (canIgnorePDB). A status without a phase is that of a pod nobody has started."""
    return pod.terminal or pod.metadata.deleting or pod.status.phase in ("", "Pending")


def _budget_of(store: Store, pod: Pod) -> PodDisruptionBudget | None:
    meta = pod.metadata
    there = (b for b in store.list(PodDisruptionBudget, meta.namespace) if isinstance(b, PodDisruptionBudget))
    budgets = [b for b in there if selector.matches(b.spec.selector, meta.labels)]
    if len(budgets) > 1:
        said = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
        raise ApiError(500, said, reason=None)
    return budgets[0] if budgets else None


def _may_go_unready(pod: Pod, budget: PodDisruptionBudget) -> bool:
    """A pod that is not ready counts for nothing in the budget: it goes if the application is well, or if the budget always lets it."""
    if pod.ready:
        return False
    status = budget.status
    return budget.spec.unhealthy_pod_eviction_policy == ALWAYS_ALLOW or 0 < status.desired_healthy <= status.current_healthy


def _spend(store: Store, budget: PodDisruptionBudget, pod: Pod, *, dry_run: bool) -> None:
    """Takes one of the disruptions allowed, and notes for whom (checkAndDecrement)."""
    status, name = budget.status, budget.metadata.name
    if status.observed_generation < budget.metadata.generation:
        raise _too_many(f"The disruption budget {name} is still being processed by the server.")
    if status.disruptions_allowed < 0:
        raise forbidden("poddisruptionbudget.policy", name, "pdb disruptions allowed is negative")
    if len(status.disrupted_pods) > MAX_DISRUPTED_PODS:
        raise forbidden(
            "poddisruptionbudget.policy", name, "DisruptedPods map too big - too many evictions not confirmed by PDB controller"
        )
    if status.disruptions_allowed == 0:
        raise _too_many(_why_none(name, status))
    if not dry_run:
        store.update_status(replace(budget, status=_spent(status, pod.metadata.name, store.now_ms)))


def _spent(status: PodDisruptionBudgetStatus, pod: str, now_ms: int) -> PodDisruptionBudgetStatus:
    disrupted = status.disrupted_pods.with_(pod, now_ms // 1000 * 1000)
    status = replace(status, disruptions_allowed=status.disruptions_allowed - 1, disrupted_pods=disrupted)
    return with_disruption_allowed(status, now_ms) if status.disruptions_allowed == 0 else status


def _why_none(name: str, status: PodDisruptionBudgetStatus) -> str:
    said = disruption_allowed(status)
    refused = said if said is not None and said.status == "False" and said.message else None
    # Numbers of a sync that failed are not to be trusted.
    if refused is not None and refused.reason == SYNC_FAILED:
        return f"The disruption budget {name} does not allow evicting pods currently because it failed sync: {refused.message}"
    if status.current_healthy <= status.desired_healthy:
        return f"The disruption budget {name} needs {status.desired_healthy} healthy pods and has {status.current_healthy} currently"
    if refused is not None:
        return f"The disruption budget {name} does not allow evicting pods currently ({refused.reason}): {refused.message}"
    return f"The disruption budget {name} does not allow evicting pods currently"


def _too_many(cause: str) -> ApiError:
    return ApiError(429, VIOLATION, causes=[Cause(field="", message=cause, reason="DisruptionBudget")])


def _delete(store: Store, pod: Pod, eviction: Eviction) -> None:
    """Announces the disruption on the pod, then deletes it (addConditionAndDeletePod)."""
    _check_preconditions(pod, eviction)
    if eviction.dry_run:
        return
    target = Condition(type="DisruptionTarget", status="True", reason="EvictionByEvictionAPI", message="Eviction API: evicting")
    store.update_status(replace(pod, status=replace(pod.status, conditions=_announcing(pod, target, store.now_ms))))
    store.delete(Key("Pod", pod.metadata.namespace, pod.metadata.name), grace_seconds=eviction.grace_s)


def _check_preconditions(pod: Pod, eviction: Eviction) -> None:
    meta = pod.metadata
    version = str(meta.resource_version)
    if eviction.uid not in ("", meta.uid):
        said = f"the UID in the precondition ({eviction.uid}) does not match the UID in record ({meta.uid})."
        raise conflict("Pod", meta.name, f"{said} The object might have been deleted and then recreated")
    if eviction.resource_version not in ("", version):
        said = f"the ResourceVersion in the precondition ({eviction.resource_version}) does not match the ResourceVersion in record"
        raise conflict("Pod", meta.name, f"{said} ({version}). The object might have been modified")


def _announcing(pod: Pod, target: Condition, now_ms: int) -> tuple[Condition, ...]:
    """The transition time changes with the status alone (pkg/api/pod/util.go:UpdatePodCondition)."""
    current = condition(pod.status.conditions, target.type)
    if current is None:
        return (*pod.status.conditions, replace(target, last_transition_time_ms=now_ms // 1000 * 1000))
    kept = current.last_transition_time_ms if current.status == target.status else now_ms // 1000 * 1000
    return tuple(replace(target, last_transition_time_ms=kept) if c.type == target.type else c for c in pod.status.conditions)
