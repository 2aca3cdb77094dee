"""Nodes as the cluster file tells of them."""

from __future__ import annotations

from typing import Any

from kgate.rollout.nodes import HOSTNAME, ZONE
from kgate.rollout.snapshot.allowed import Fields

_OWN = {"cpu": "cpu", "memory": "memory", "ephemeral-storage": "ephemeral-storage"}
_OF_CONTROLLERS = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable", "node.kubernetes.io/unschedulable")
"""Taints that the engine's controllers put where they belong."""


def node(obj: Fields, name: str) -> dict[str, Any]:
    """A node that is not Ready is told as one that takes no pods: in a rehearsal all nodes are well."""
    status, spec, metadata = obj.part("status"), obj.part("spec"), obj.part("metadata")
    capacity, allocatable = status.quantities("capacity"), status.quantities("allocatable")
    labels = metadata.pairs("labels")
    entry: dict[str, Any] = {"name": name} | {key: capacity[key] for key in _OWN if key in capacity}
    pods = capacity.get("pods", "")
    entry |= {"pods": int(pods)} if pods.isdigit() else {}
    entry |= {"zone": labels[ZONE]} if labels.get(ZONE) else {}
    entry["labels"] = _labels(labels, name)
    entry["extended"] = {k: v for k, v in capacity.items() if k not in (*_OWN, "pods")}
    entry["allocatable"] = {k: v for k, v in allocatable.items() if capacity.get(k) != v}
    entry["taints"] = [t for t in map(_taint, spec.parts("taints")) if t["key"] not in _OF_CONTROLLERS]
    entry["unschedulable"] = spec.flag("unschedulable") or not ready(obj)
    entry["images"] = [_image(i) for i in status.parts("images")]
    return {k: v for k, v in entry.items() if v not in ({}, [], False)}


def ready(obj: Fields) -> bool:
    conditions = list(obj.part("status").parts("conditions"))
    return not conditions or any(c.text("type") == "Ready" and c.text("status") == "True" for c in conditions)


def _labels(labels: dict[str, str], name: str) -> dict[str, str]:
    """Without what every node of a cluster file has anyway."""
    usual = {HOSTNAME: name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64", ZONE: labels.get(ZONE)}
    return {k: v for k, v in labels.items() if usual.get(k) != v}


def _taint(taint: Fields) -> dict[str, str]:
    told = {key: taint.text(key) for key in ("key", "value", "effect")}
    return {k: v for k, v in told.items() if v}


def _image(image: Fields) -> dict[str, Any]:
    return {"names": image.texts("names"), "sizeBytes": max(0, image.number("sizeBytes") or 0)}
