"""A pod's phase and conditions from its containers (pkg/kubelet/kubelet_pods.go:getPhase, pkg/kubelet/status/generate.go)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

from kgate.engine.api.core import Pod, PodStatus
from kgate.engine.api.meta import Condition, Millis, condition
from kgate.engine.kubelet.container import Life


def status(pod: Pod, init: Sequence[Life], main: Sequence[Life], now_ms: Millis, *, initialized: bool) -> PodStatus:
    """As the kubelet writes it; conditions of others stay, and so do the times of what is as it was."""
    phase_ = phase(pod.spec.restart_policy or "Always", init, main)
    conditions = pod.status.conditions
    for new in _conditions(pod, init, main, phase_, initialized=initialized):
        conditions = with_condition(conditions, new, now_ms)
    now = now_ms // 1000 * 1000
    return replace(
        pod.status,
        phase=phase_,
        conditions=conditions,
        init_container_statuses=tuple(life.status() for life in init),
        container_statuses=tuple(life.status() for life in main),
        start_time_ms=now if pod.status.start_time_ms is None else pod.status.start_time_ms,
    )


def phase(policy: str, init: Sequence[Life], main: Sequence[Life]) -> str:
    """Pending until every container has begun; then Running, until all have ended for good."""
    failed = [life for life in init if life.once and life.done and life.code != 0]
    if any(life.alive for life in (*init, *main)) and all(life.begun for life in main):
        return "Running"
    if failed and policy == "Never":
        return "Failed"
    if any(not life.begun for life in main):
        return "Pending"
    if not all(life.done for life in main):
        return "Running"
    return "Succeeded" if all(life.code == 0 for life in main) else "Failed"


def _conditions(pod: Pod, init: Sequence[Life], main: Sequence[Life], phase_: str, *, initialized: bool) -> Iterable[Condition]:
    yield Condition(type="PodReadyToStartContainers", status="False" if phase_ in ("Succeeded", "Failed") else "True")
    if phase_ == "Succeeded":
        yield Condition(type="Initialized", status="True", reason="PodCompleted")
    elif initialized:
        yield Condition(type="Initialized", status="True")
    else:
        waiting = [life.spec.name for life in init if not life.opens_the_way]
        said = f"containers with incomplete status: [{' '.join(waiting)}]"
        yield Condition(type="Initialized", status="False", reason="ContainersNotInitialized", message=said)
    containers = _containers_ready(init, main, phase_)
    yield replace(containers, type="Ready") if containers.status == "False" else _gates(pod)
    yield containers


def _containers_ready(init: Sequence[Life], main: Sequence[Life], phase_: str) -> Condition:
    if phase_ in ("Succeeded", "Failed"):
        return Condition(type="ContainersReady", status="False", reason="PodCompleted" if phase_ == "Succeeded" else "PodFailed")
    unready = [life.spec.name for life in (*(i for i in init if not i.once), *main) if not life.ready]
    if not unready:
        return Condition(type="ContainersReady", status="True")
    said = f"containers with unready status: [{' '.join(unready)}]"
    return Condition(type="ContainersReady", status="False", reason="ContainersNotReady", message=said)


def _gates(pod: Pod) -> Condition:
    """Ready, as far as the pod's readinessGates allow."""
    gates = pod.spec.rest.get("readinessGates") or ()
    types = [str(gate.get("conditionType")) for gate in gates if isinstance(gate, Mapping)]
    missing = [said for type_ in types if (said := _closed(pod, type_))]
    if not missing:
        return Condition(type="Ready", status="True")
    return Condition(type="Ready", status="False", reason="ReadinessGatesNotReady", message=", ".join(missing))


def _closed(pod: Pod, type_: str) -> str:
    found = condition(pod.status.conditions, type_)
    if found is None:
        return f'corresponding condition of pod readiness gate "{type_}" does not exist.'
    return "" if found.status == "True" else f'the status of pod readiness gate "{type_}" is not "True", but {found.status}'


def with_condition(conditions: tuple[Condition, ...], new: Condition, now_ms: Millis) -> tuple[Condition, ...]:
    """With the new one in the place of its type; the transition time survives an unchanged status."""
    current = condition(conditions, new.type)
    kept = current is not None and current.status == new.status
    since = current.last_transition_time_ms if kept and current is not None else now_ms // 1000 * 1000
    new = replace(new, last_transition_time_ms=since)
    if current is None:
        return (*conditions, new)
    return tuple(new if c.type == new.type else c for c in conditions)
