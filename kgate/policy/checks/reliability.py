"""What objects do to each other: Services and probes, disruption budgets, autoscalers."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from kgate.edit import Edit, Operation
from kgate.manifest import Manifest
from kgate.policy.amount import amount, is_percent
from kgate.policy.context import Context
from kgate.policy.inventory import SCALED, Inventory
from kgate.policy.nodes import at, entries, mapping, text, whole
from kgate.policy.policy import Violation
from kgate.policy.subjects import Container, Pod, Role, containers_of, group_kind

_NEVER_SCALED = {"DaemonSet", "Job", "CronJob", "Pod", "Service"}


def readiness_missing(pod: Pod, context: Context) -> Iterator[Violation]:
    containers = [c for c in containers_of(pod) if c.role in (Role.REGULAR, Role.SIDECAR)]
    said: set[object] = set()
    for service in context.inventory.services_of(pod):
        if at(service.body, "spec", "publishNotReadyAddresses") is True:
            continue
        for container in _serving(containers, service):
            if container.body.get("readinessProbe") is None and container.path not in said:
                said.add(container.path)
                says = f"{container} has no readiness probe, so Service {service.name} sends it requests before it can answer"
                yield Violation(manifest=pod.manifest, path=container.path, message=says)


def drain_blocked(manifest: Manifest, context: Context) -> Iterator[Violation]:
    """pkg/controller/disruption: both amounts are rounded up."""
    spec = mapping(manifest.body, "spec")
    most, least = spec.get("maxUnavailable"), spec.get("minAvailable")
    if amount(most, 100, up=True) == 0:
        yield _blocks(manifest, "maxUnavailable", f"maxUnavailable is {most}")
    elif is_percent(least) and amount(least, 100, up=True) == 100:
        yield _blocks(manifest, "minAvailable", f"minAvailable is {least}")
    elif least is not None and (pods := _pods_at_least(manifest, context.inventory)):
        total, whose = pods
        desired = amount(least, total, up=True)
        if desired is not None and desired >= total:
            yield _blocks(manifest, "minAvailable", f"minAvailable is {least} and {whose} {total} pod{'s' if total > 1 else ''}")


def autoscaler_target(manifest: Manifest, context: Context) -> Iterator[Violation]:
    target = mapping(manifest.body, "spec", "scaleTargetRef")
    kind, name, version = text(target, "kind"), text(target, "name"), text(target, "apiVersion")
    if not kind or not name:
        return  # refused by the API server
    fault = _kind_fault(kind, version) or _absence(manifest, kind, version.rpartition("/")[0], name, context.inventory)
    if fault:
        says = f"HorizontalPodAutoscaler {manifest.name} scales {kind} {name}, {fault}"
        yield Violation(manifest=manifest, path=("spec", "scaleTargetRef"), message=says)


def replicas_of_autoscaled(manifest: Manifest, context: Context) -> Iterator[Violation]:
    if "replicas" not in mapping(manifest.body, "spec"):
        return
    autoscaler = context.inventory.autoscaler_of(manifest)
    if autoscaler is not None:
        says = f"{manifest.kind} {manifest.name} sets replicas, so each apply undoes what HorizontalPodAutoscaler {autoscaler.name} has set"
        yield Violation(manifest=manifest, path=("spec", "replicas"), message=says)


def _serving(containers: list[Container], service: Manifest) -> list[Container]:
    """The containers behind the Service's ports. When no port tells, all of them, unless one of them has a probe."""
    targets = [port.get("targetPort", port.get("port")) for _, port in entries(service.body, "spec", "ports")]
    serving = [c for c in containers if any(_opens(c, target) for target in targets)]
    if serving:
        return serving
    return [] if any(c.body.get("readinessProbe") is not None for c in containers) else containers[:1]


def _opens(container: Container, target: Any) -> bool:
    field = "name" if isinstance(target, str) else "containerPort"
    return any(port.get(field) == target for _, port in entries(container.body, "ports"))


def _blocks(manifest: Manifest, field: str, because: str) -> Violation:
    says = f"PodDisruptionBudget {manifest.name} never lets a pod be evicted, so no node with one can be drained: {because}"
    room = Edit(path=("spec", "maxUnavailable"), value=1)
    edits = (room,) if field == "maxUnavailable" else (Edit(path=("spec", field), operation=Operation.REMOVE), room)
    return Violation(manifest=manifest, path=("spec", field), message=says, edits=edits)


def _pods_at_least(budget: Manifest, inventory: Inventory) -> tuple[int, str] | None:
    """How many pods the budget expects when its workload is smallest, and whose they are; None when that is not certain."""
    selector = at(budget.body, "spec", "selector")
    if not isinstance(selector, dict):
        return None
    workloads = [pod.manifest for pod in islice(inventory.selected(budget, selector) or (), 2)]
    if len(workloads) != 1 or group_kind(workloads[0]) not in SCALED:
        return None
    workload = workloads[0]
    autoscaler = inventory.autoscaler_of(workload)
    if autoscaler is None:
        replicas = whole(workload.body, "spec", "replicas")
        return (replicas, f"{workload.kind} {workload.name} has") if replicas else None
    least = whole(autoscaler.body, "spec", "minReplicas") if "minReplicas" in mapping(autoscaler.body, "spec") else 1
    return (least, f"HorizontalPodAutoscaler {autoscaler.name} goes down to") if least else None


def _kind_fault(kind: str, version: str) -> str:
    if kind in _NEVER_SCALED and version in ("", "v1", "apps/v1", "batch/v1"):
        return f"and a {kind} cannot be scaled"
    right = next((k for k in SCALED if k.partition(".")[0] == kind), None)
    group = version.rpartition("/")[0]
    if right and group in ("", "extensions", "apps") and f"{kind}.{group}".rstrip(".") != right:
        return f'and there is none in apiVersion "{version}"'
    return ""


def _absence(autoscaler: Manifest, kind: str, group: str, name: str, inventory: Inventory) -> str:
    """Why the target is not there; empty when it is, or when it may be elsewhere."""
    group_and_kind = f"{kind}.{group}".rstrip(".")
    if not inventory.whole or group_and_kind not in SCALED:
        return ""
    named = inventory.scaled_named(name)
    if any(
        group_kind(m) == group_and_kind and (m.namespace == autoscaler.namespace or not m.namespace or not autoscaler.namespace)
        for m in named
    ):
        return ""
    beside = [m for m in named if inventory.together(autoscaler, m)]
    if beside:
        return f"but {name} is a {beside[0].kind}"
    elsewhere = [m for m in named if group_kind(m) == group_and_kind]
    if elsewhere:
        return f"which is in the namespace {elsewhere[0].namespace}, not in {autoscaler.namespace}"
    near = inventory.scaled_beside(autoscaler)
    return f"which is not there; {near.kind} {near.name} is" if near is not None else ""
