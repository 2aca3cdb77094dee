"""From the scheduler's words to the line of the manifest that causes them, and what to write instead."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from kgate.engine.api import quantity as quantities
from kgate.manifest import Path
from kgate.rollout.written import items, mapping, node

_COUNTED = re.compile(r"(\d+) (.+?)(?=, \d+ |\. |\.?$)")

TEMPLATE: Path = ("spec", "template")
POD: Path = (*TEMPLATE, "spec")


class Cause(Struct, frozen=True, kw_only=True):
    """The place that a scheduler's message comes from."""

    path: Path
    """Where in the Deployment; a place that is not written is answered with its nearest parent."""
    remediation: str
    reason: str
    """The scheduler's words for most of the nodes: `Insufficient cpu`."""


def reasons(message: str) -> list[tuple[int, str]]:
    """Nodes and reason, most nodes first, of `0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 Insufficient cpu. ...`."""
    head, colon, rest = message.partition(" nodes are available: ")
    if not colon or not re.fullmatch(r"\d+/\d+", head):
        return []
    counted = [(int(n), why) for n, why in _COUNTED.findall(rest.partition(". ")[0].removesuffix("."))]
    return sorted(counted, key=lambda c: (-c[0], c[1]))


def cause(message: str, body: Mapping[str, Any], *, placed: int) -> Cause:
    """What keeps a pod of the Deployment off most nodes. `placed` pods of it found a node."""
    found = reasons(message)
    why = found[0][1] if found else message
    for words, finder in _FINDERS:
        if words in why:
            path, remediation = finder(body, why, placed)
            return Cause(path=path, remediation=remediation, reason=why)
    return Cause(path=POD, remediation="change what the pod asks of a node", reason=why)


_Found = tuple[Path, str]


def _insufficient(body: Mapping[str, Any], why: str, placed: int) -> _Found:
    """The replicas, when some of them found room; else the container that asks for most."""
    resource = why.partition("Insufficient ")[2]
    if placed and "replicas" in _at(body, ("spec",)):
        return ("spec", "replicas"), f"run fewer replicas, ask for less {resource} in each, or add nodes"
    return largest_request(body, resource), f"ask for less {resource}, or add nodes that have as much free"


def largest_request(body: Mapping[str, Any], resource: str) -> Path:
    """Where the largest request is written (a limit counts where there is no request); the first of equals."""
    best: tuple[int, Path] = (0, (*POD, "containers"))
    for kind in ("containers", "initContainers"):
        for i, container in enumerate(items(node(body, (*POD, kind)))):
            for part in ("requests", "limits"):
                amount = _at(container, ("resources", part)).get(resource) if isinstance(container, Mapping) else None
                if amount is not None:
                    nano = _nano(amount)
                    if nano > best[0]:
                        best = (nano, (*POD, kind, i, "resources", part, resource))
                    break
    return best[1]


def _nano(amount: Any) -> int:
    try:
        return quantities.parse(amount).nano
    except ValueError:
        return 0


def _too_many(_body: Mapping[str, Any], _why: str, _placed: int) -> _Found:
    return ("spec", "replicas"), "run fewer replicas, or add nodes: every node has a limit of pods"


def _affinity(body: Mapping[str, Any], _why: str, _placed: int) -> _Found:
    path: Path = (*POD, "nodeSelector") if _at(body, POD).get("nodeSelector") else (*POD, "affinity", "nodeAffinity")
    return path, "select labels that nodes of the cluster have"


def _taints(body: Mapping[str, Any], _why: str, _placed: int) -> _Found:
    return (*POD, "tolerations"), "tolerate the taint of the nodes that are meant for these pods"


def _cordoned(_body: Mapping[str, Any], _why: str, _placed: int) -> _Found:
    return POD, "uncordon a node, or add one"


def _ports(body: Mapping[str, Any], _why: str, _placed: int) -> _Found:
    for i, container in enumerate(items(node(body, (*POD, "containers")))):
        for j, port in enumerate(items(container.get("ports")) if isinstance(container, Mapping) else ()):
            if isinstance(port, Mapping) and port.get("hostPort"):
                path: Path = (*POD, "containers", i, "ports", j, "hostPort")
                return path, "leave hostPort out (a Service reaches the pods without it), or run at most one replica a node"
    return (*POD, "containers"), "use no host ports"


def _anti_affinity(_body: Mapping[str, Any], _why: str, _placed: int) -> _Found:
    path: Path = (*POD, "affinity", "podAntiAffinity")
    return path, "prefer (preferredDuringSchedulingIgnoredDuringExecution) instead of requiring, or run fewer pods than there are domains"


def _pod_affinity(_body: Mapping[str, Any], _why: str, _placed: int) -> _Found:
    return (*POD, "affinity", "podAffinity"), "require the vicinity of pods that exist, or prefer it instead of requiring it"


def _spread(_body: Mapping[str, Any], _why: str, _placed: int) -> _Found:
    path: Path = (*POD, "topologySpreadConstraints")
    return path, "use whenUnsatisfiable: ScheduleAnyway, a larger maxSkew, or matchLabelKeys: [pod-template-hash]"


def _claim(body: Mapping[str, Any], why: str, _placed: int) -> _Found:
    path: Path = (*POD, "volumes")
    if "not found" in why:
        return path, "name a claim that exists in the namespace, or add it"
    if "unbound immediate" in why:
        return path, "give the claim a StorageClass that the cluster has, or a PersistentVolume that fits it"
    return path, "let the pods run where their volumes can be reached, or use volumes that every node reaches"


_FINDERS = (
    ("persistentvolumeclaim", _claim),
    ("PersistentVolumeClaims", _claim),
    ("PersistentVolume", _claim),
    ("persistent volumes to bind", _claim),
    ("non-existent pv", _claim),
    ("Insufficient", _insufficient),
    ("Too many pods", _too_many),
    ("node affinity/selector", _affinity),
    ("untolerated taint", _taints),
    ("were unschedulable", _cordoned),
    ("free ports", _ports),
    ("anti-affinity", _anti_affinity),
    ("pod affinity", _pod_affinity),
    ("topology spread", _spread),
)


def _at(body: Any, path: Path) -> Mapping[str, Any]:
    """The mapping there, or an empty one."""
    return mapping(node(body, path))
