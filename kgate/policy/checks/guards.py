"""What keeps a workload up while nodes and versions go: replicas, budgets, spreading, and a strategy that leaves pods standing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kgate.edit import Edit
from kgate.manifest import Manifest
from kgate.policy.amount import amount
from kgate.policy.context import Context
from kgate.policy.nodes import at, entries, mapping, text, whole
from kgate.policy.policy import Violation
from kgate.policy.subjects import Pod, containers_of, pod_of

_SINGLE = ("ReadWriteOnce", "ReadWriteOncePod")
_ROLLING = ("spec", "strategy", "rollingUpdate")


def too_few_replicas(manifest: Manifest, context: Context) -> Iterator[Violation]:
    least, wanted = _least(manifest, context), context.params["least"]
    if least is not None and 0 < least[0] < wanted:
        says = f"{manifest.kind} {manifest.name} may run with {least[0]} pod{'s' if least[0] > 1 else ''}{least[1]}, {wanted} are wanted"
        edits = () if context.inventory.autoscaler_of(manifest) is not None else (Edit(path=("spec", "replicas"), value=wanted),)
        yield Violation(manifest=manifest, path=("spec", "replicas"), message=says, edits=edits)


def budget_missing(manifest: Manifest, context: Context) -> Iterator[Violation]:
    pod = pod_of(manifest)
    least = _least(manifest, context)
    if pod is None or least is None or least[0] < context.params["least"] or context.inventory.budgeted(pod):
        return
    says = f"{manifest.kind} {manifest.name} has no PodDisruptionBudget, so a drain may take all of its pods at once"
    yield Violation(manifest=manifest, path=("spec",), message=says)


def spread_missing(manifest: Manifest, context: Context) -> Iterator[Violation]:
    """Anti-affinity of any strength counts, when it is against the pod's own labels."""
    pod = pod_of(manifest)
    if pod is None or not _several(manifest, context) or pod.body.get("topologySpreadConstraints"):
        return
    if not any(_keeps_apart(term, pod) for term in _anti_affinity(pod)):
        says = f"{manifest.kind} {manifest.name} does not spread its pods, so one node that goes may take all of them"
        yield Violation(manifest=manifest, path=(*pod.path, "affinity"), message=says)


def recreate_behind_service(manifest: Manifest, context: Context) -> Iterator[Violation]:
    pod = pod_of(manifest)
    if pod is None or text(manifest.body, "spec", "strategy", "type") != "Recreate" or _holds_single_claim(pod, context):
        return
    service = next(context.inventory.services_of(pod), None)
    if service is not None and whole(manifest.body, "spec", "replicas") != 0:
        says = f"{manifest.kind} {manifest.name} stops all pods before new ones start, and Service {service.name} has none meanwhile"
        yield Violation(manifest=manifest, path=("spec", "strategy", "type"), message=says)


def stuck_on_claim(manifest: Manifest, context: Context) -> Iterator[Violation]:
    """A claim that one node (or one pod) can mount, and a rollout that starts the new pod before the old one is gone."""
    pod = pod_of(manifest)
    if pod is None or text(manifest.body, "spec", "strategy", "type") == "Recreate":
        return
    replicas = whole(manifest.body, "spec", "replicas")
    total = 1 if replicas is None else replicas
    surge = amount(mapping(manifest.body, *_ROLLING).get("maxSurge", "25%"), total, up=True)
    for index, volume in entries(pod.body, "volumes"):
        claim = text(volume, "persistentVolumeClaim", "claimName")
        modes = _modes(claim, pod, context) if claim else []
        if modes and all(mode in _SINGLE for mode in modes) and total > 0 and (surge or total > 1):
            many = f"its {total} pods" if total > 1 else "the new pod of a rollout"
            says = f"{manifest.kind} {manifest.name}: {many} cannot all mount claim {claim}, which is {modes[0]}"
            path = (*pod.path, "volumes", index, "persistentVolumeClaim", "claimName")
            edits = (Edit(path=("spec", "strategy"), value={"type": "Recreate"}),)
            yield Violation(manifest=manifest, path=path, message=says, edits=edits)


def no_readiness_signal(manifest: Manifest, context: Context) -> Iterator[Violation]:
    pod = pod_of(manifest)
    if pod is None or text(manifest.body, "spec", "strategy", "type") == "Recreate" or whole(manifest.body, "spec", "minReadySeconds"):
        return
    containers = list(containers_of(pod))
    if any(c.body.get("readinessProbe") or c.body.get("startupProbe") for c in containers) or not containers:
        return
    if whole(manifest.body, "spec", "replicas") != 0 and next(context.inventory.services_of(pod), None) is not None:
        says = f"{manifest.kind} {manifest.name} takes a new pod for ready the moment it runs, so a broken version replaces all pods"
        yield Violation(manifest=manifest, path=("spec", "minReadySeconds"), message=says)


def _several(manifest: Manifest, context: Context) -> bool:
    least = _least(manifest, context)
    return least is not None and least[0] >= 2


def _least(manifest: Manifest, context: Context) -> tuple[int, str] | None:
    """How many pods there are at least, and who says so."""
    autoscaler = context.inventory.autoscaler_of(manifest)
    if autoscaler is not None:
        least = whole(autoscaler.body, "spec", "minReplicas")
        return (1 if least is None else least), f" by HorizontalPodAutoscaler {autoscaler.name}"
    replicas = whole(manifest.body, "spec", "replicas")
    return (1 if replicas is None else replicas), ""


def _anti_affinity(pod: Pod) -> Iterator[Any]:
    anti = mapping(pod.body, "affinity", "podAntiAffinity")
    for _, term in entries(anti, "requiredDuringSchedulingIgnoredDuringExecution"):
        yield term
    for _, weighted in entries(anti, "preferredDuringSchedulingIgnoredDuringExecution"):
        yield weighted.get("podAffinityTerm")


def _keeps_apart(term: Any, pod: Pod) -> bool:
    from kgate.policy.selectors import selects

    selector = at(term, "labelSelector")
    return isinstance(selector, dict) and bool(text(term, "topologyKey")) and selects(selector, pod.labels)


def _modes(claim: str, pod: Pod, context: Context) -> list[str]:
    found = context.inventory.named("PersistentVolumeClaim", pod.manifest.namespace, claim)
    if found is None or not context.inventory.together(found, pod.manifest):
        return []
    modes = at(found.body, "spec", "accessModes")
    return [str(mode) for mode in modes] if isinstance(modes, list) else []


def _holds_single_claim(pod: Pod, context: Context) -> bool:
    """Then Recreate is what works."""
    claims = [text(volume, "persistentVolumeClaim", "claimName") for _, volume in entries(pod.body, "volumes")]
    return any(claim and (not (modes := _modes(claim, pod, context)) or modes[0] in _SINGLE) for claim in claims)
