"""Pods as the cluster file tells of them: what they ask for in all, where they are, and how they bear on the placement of others."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from kgate.engine.api import resources
from kgate.engine.api.codec import DecodeError, decode
from kgate.engine.api.core import Pod
from kgate.engine.api.quantity import canonical as written
from kgate.rollout.snapshot.allowed import Fields
from kgate.rollout.tenants import SYSTEM_CLASSES


def runs(obj: Fields) -> bool:
    """It holds its room, and goes on doing so."""
    return obj.part("status").text("phase") not in ("Succeeded", "Failed") and not obj.part("metadata").time("deletionTimestamp")


def pod(obj: Fields, name: str, namespace: str, owners: Mapping[tuple[str, str], str], classes: Collection[str]) -> dict[str, Any]:
    spec, metadata = obj.part("spec"), obj.part("metadata")
    labels = metadata.pairs("labels")
    requests, limits = _resources(spec)
    named = spec.text("priorityClassName")
    entry: dict[str, Any] = {
        "name": name,
        "namespace": namespace,
        "labels": labels,
        "node": spec.text("nodeName"),
        "deployment": _deployment(metadata, namespace, labels, owners),
        "requests": requests,
        "limits": limits,
        "affinity": _affinity(spec.part("affinity")),
        "hostPorts": _host_ports(spec),
    }
    entry = {k: v for k, v in entry.items() if v not in ({}, [], "")}
    # Of a class that nobody described nothing is known: such a pod is never preempted.
    return entry | ({"priorityClass": named} if named in ("", *SYSTEM_CLASSES, *classes) else {})


def _deployment(metadata: Fields, namespace: str, labels: Mapping[str, str], owners: Mapping[tuple[str, str], str]) -> str:
    """Of the ReplicaSet that owns it; where the ReplicaSets were not listed, by the name they are given (`web-5d9dc68fdf`)."""
    owner = next((o for o in metadata.parts("ownerReferences") if o.flag("controller")), None)
    if owner is None or owner.text("kind") != "ReplicaSet":
        return ""
    known = owners.get((namespace, owner.text("name")))
    if known is not None:
        return known
    stem, _, suffix = owner.text("name").rpartition("-")
    return stem if suffix and suffix == labels.get("pod-template-hash") else ""


def _resources(spec: Fields) -> tuple[dict[str, str], dict[str, str]]:
    """Of the whole pod, as the scheduler and the quota add them up."""
    body: dict[str, Any] = {"containers": [_container(c) for c in spec.parts("containers")]}
    body["initContainers"] = [_container(c) for c in spec.parts("initContainers")]
    if of_pod := _container(spec)["resources"]:
        body["resources"] = of_pod
    body["overhead"] = spec.quantities("overhead")
    try:
        decoded = decode({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": body})
    except DecodeError:
        spec.wrong("resources", "nothing that can be added up")
    assert isinstance(decoded, Pod)
    return _text(resources.pod_requests(decoded.spec)), _text(resources.pod_limits(decoded.spec))


def _container(container: Fields) -> dict[str, Any]:
    part = container.part("resources")
    told = {key: part.quantities(key) for key in ("requests", "limits")}
    sidecar = {"restartPolicy": "Always"} if container.text("restartPolicy") == "Always" else {}
    return {"name": "c", "resources": {k: v for k, v in told.items() if v}} | sidecar


def _text(amounts: Mapping[str, int]) -> dict[str, str]:
    return {name: written(resources.quantity(name, amount)) for name, amount in sorted(amounts.items()) if amount}


def _host_ports(spec: Fields) -> list[str | int]:
    every = [p for c in spec.parts("containers") for p in c.parts("ports")]
    found = {(number, p.text("protocol") or "TCP") for p in every if (number := p.number("hostPort"))}
    return [number if protocol == "TCP" else f"{number}/{protocol}" for number, protocol in sorted(found)]


def _affinity(affinity: Fields) -> dict[str, Any]:
    """What the pod asks of other pods; where it is already, nodes no longer matter."""
    told = {kind: _terms(affinity.part(kind)) for kind in ("podAffinity", "podAntiAffinity")}
    return {k: v for k, v in told.items() if v}


def _terms(part: Fields) -> dict[str, Any]:
    required = [_term(t) for t in part.parts("requiredDuringSchedulingIgnoredDuringExecution")]
    preferred = [
        {"weight": t.number("weight") or 1, "podAffinityTerm": _term(t.part("podAffinityTerm"))}
        for t in part.parts("preferredDuringSchedulingIgnoredDuringExecution")
    ]
    told = {"requiredDuringSchedulingIgnoredDuringExecution": required, "preferredDuringSchedulingIgnoredDuringExecution": preferred}
    return {k: v for k, v in told.items() if v}


def _term(term: Fields) -> dict[str, Any]:
    told: dict[str, Any] = {"topologyKey": term.text("topologyKey")}
    for key in ("labelSelector", "namespaceSelector"):
        if term.has(key):
            told[key] = selector(term.part(key))
    return told | {key: found for key in ("namespaces", "matchLabelKeys", "mismatchLabelKeys") if (found := term.texts(key))}


def selector(part: Fields) -> dict[str, Any]:
    told: dict[str, Any] = {"matchLabels": part.pairs("matchLabels")}
    told["matchExpressions"] = [
        {"key": e.text("key"), "operator": e.text("operator")} | ({"values": values} if (values := e.texts("values")) else {})
        for e in part.parts("matchExpressions")
    ]
    return {k: v for k, v in told.items() if v}
