"""Packs objects into a cluster file: the same objects in any order make the same bytes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from kgate.errors import UsageError
from kgate.rollout.cluster import UNKNOWN, read_cluster
from kgate.rollout.snapshot import nodes, pods, storage
from kgate.rollout.snapshot.allowed import Fields

_KINDS = ("Node", "Pod", "ReplicaSet", "PriorityClass", "LimitRange", "ResourceQuota", "PodDisruptionBudget", *storage.KINDS)
_AMOUNTS = ("max", "min", "default", "defaultRequest", "maxLimitRequestRatio")


class Snapshot(Struct, frozen=True, kw_only=True):
    """`body` is the cluster file."""

    body: Mapping[str, Any]
    notes: tuple[str, ...]
    """What was left out or is assumed, a sentence each."""


def pack(documents: Iterable[tuple[str, object]], *, taken: str = "") -> Snapshot:
    """`documents` are what kubectl printed (Lists or objects) with a name for each.

    The time is that of the newest sign of life in them, which a cluster gives at least every five minutes, unless `taken` says better.
    Raises UsageError.
    """
    found = _sorted(documents)
    kinds = Counter(kind for kind, *_ in found)
    if not kinds["Node"]:
        raise UsageError("there is no Node in the input", hint="kubectl get nodes,pods,... -A -o json | kgate snapshot > cluster.yaml")
    of = {kind: [(ns, name, obj) for k, ns, name, obj in found if k == kind] for kind in _KINDS}
    classes = [(name, obj) for _, name, obj in of["PriorityClass"] if not name.startswith("system-")]
    owners = {(ns, name): _owner(obj) for ns, name, obj in of["ReplicaSet"]}
    known = {name for _, name, _ in of["Node"]}
    running = [p for p in of["Pod"] if pods.runs(p[2])]
    bound = [(ns, name, obj) for ns, name, obj in running if obj.part("spec").text("nodeName") in known]
    body = {
        "taken": taken or max(filter(None, (t for *_, obj in found for t in _times(obj))), default="") or UNKNOWN,
        "nodes": [nodes.node(obj, name) for _, name, obj in of["Node"]],
        "pods": [pods.pod(obj, name, ns, owners, [n for n, _ in classes]) for ns, name, obj in bound],
        "storageClasses": [storage.storage_class(name, obj) for _, name, obj in of["StorageClass"]],
        "persistentVolumes": [storage.volume(name, obj) for _, name, obj in of["PersistentVolume"] if storage.serves(obj)],
        "claims": [storage.claim(ns, name, obj) for ns, name, obj in of["PersistentVolumeClaim"] if storage.serves(obj)],
        "priorityClasses": [_class(name, obj) for name, obj in classes],
        "limitRanges": [_limit_range(ns, name, obj) for ns, name, obj in of["LimitRange"]],
        "quotas": [_quota(ns, name, obj) for ns, name, obj in of["ResourceQuota"]],
        "budgets": [_budget(ns, name, obj) for ns, name, obj in of["PodDisruptionBudget"]],
    }
    body = {k: v for k, v in body.items() if v}
    read_cluster(body, file="the snapshot")
    return Snapshot(body=body, notes=tuple(_notes(of, kinds, len(running) - len(bound), str(body["taken"]))))


def written(snapshot: Snapshot, *, as_json: bool = False) -> str:
    """A cluster file in YAML, one line a node, a pod, a quota; or in JSON, which is read faster."""
    if as_json:
        return json.dumps(snapshot.body, indent=1) + "\n"
    lines = []
    for key, value in snapshot.body.items():
        if isinstance(value, str):
            lines.append(f"{key}: {json.dumps(value)}")
        else:
            lines += [f"{key}:", *(f"  - {json.dumps(item)}" for item in value)]
    return "\n".join(lines) + "\n"


_Found = tuple[str, str, str, Fields]


def _sorted(documents: Iterable[tuple[str, object]]) -> list[_Found]:
    """By kind, namespace and name, each object once: files may overlap."""
    found: dict[tuple[str, str, str], Fields] = {}
    for about, document in documents:
        for obj in _objects(Fields(document, about)):
            metadata = obj.part("metadata")
            kind, namespace, name = obj.text("kind"), metadata.text("namespace"), metadata.text("name")
            obj.about = f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}"
            found[kind, namespace, name] = obj
    return [(*key, found[key]) for key in sorted(found)]


def _objects(document: Fields) -> Iterator[Fields]:
    if document.text("kind").endswith("List"):
        for item in document.parts("items"):
            yield from _objects(item)
    elif document.text("kind") and document.part("metadata").text("name"):
        yield document
    else:
        document.wrong("it", "no object and no List of objects")


def _times(obj: Fields) -> Iterator[str]:
    """Signs of life. Only fields that the API server or a kubelet writes."""
    yield obj.part("metadata").time("creationTimestamp")
    if obj.text("kind") in ("Node", "Pod"):
        for c in obj.part("status").parts("conditions"):
            yield from (c.time(key) for key in ("lastHeartbeatTime", "lastTransitionTime"))
    if obj.text("kind") == "Lease":
        yield obj.part("spec").time("renewTime")


def _owner(obj: Fields) -> str:
    owner = next((o for o in obj.part("metadata").parts("ownerReferences") if o.flag("controller")), None)
    return owner.text("name") if owner is not None and owner.text("kind") == "Deployment" else ""


def _class(name: str, obj: Fields) -> dict[str, Any]:
    told = {"name": name, "value": obj.number("value") or 0}
    more = {"globalDefault": obj.flag("globalDefault"), "preemptionPolicy": obj.text("preemptionPolicy")}
    return told | {k: v for k, v in more.items() if v}


def _limit_range(namespace: str, name: str, obj: Fields) -> dict[str, Any]:
    limits = [_limit(item) for item in obj.part("spec").parts("limits")]
    return {"name": name, "namespace": namespace, "limits": limits}


def _limit(item: Fields) -> dict[str, Any]:
    return {"type": item.text("type")} | {key: found for key in _AMOUNTS if (found := item.quantities(key))}


def _quota(namespace: str, name: str, obj: Fields) -> dict[str, Any]:
    spec = obj.part("spec")
    told: dict[str, Any] = {"name": name, "namespace": namespace, "hard": spec.quantities("hard"), "scopes": spec.texts("scopes")}
    expressions = [
        {"scopeName": e.text("scopeName"), "operator": e.text("operator")} | ({"values": v} if (v := e.texts("values")) else {})
        for e in spec.part("scopeSelector").parts("matchExpressions")
    ]
    told["scopeSelector"] = {"matchExpressions": expressions} if expressions else {}
    return {k: v for k, v in told.items() if v or k == "hard"}


def _budget(namespace: str, name: str, obj: Fields) -> dict[str, Any]:
    spec = obj.part("spec")
    told: dict[str, Any] = {"name": name, "namespace": namespace}
    told |= {key: value for key in ("minAvailable", "maxUnavailable") if (value := spec.number_or_text(key)) is not None}
    told |= {"selector": pods.selector(spec.part("selector"))} if spec.has("selector") else {}
    policy = spec.text("unhealthyPodEvictionPolicy")
    return told | ({"unhealthyPodEvictionPolicy": policy} if policy else {})


def _notes(of: Mapping[str, Sequence[tuple[str, str, Fields]]], kinds: Counter[str], unbound: int, taken: str) -> Iterator[str]:
    if taken == UNKNOWN:
        yield "nothing in the input tells when it was taken; --taken TIME does"
    ill = [name for _, name, obj in of["Node"] if not nodes.ready(obj)]
    if ill:
        yield f"{len(ill)} nodes are not Ready, and take no pods in a rehearsal: {', '.join(ill[:5])}"
    if unbound:
        yield f"{unbound} pods without a node of the input are left out"
    if not of["Pod"]:
        yield "there is no Pod in the input: the nodes are taken to be empty"
    if not kinds["PriorityClass"] and of["Pod"]:
        yield "there is no PriorityClass in the input: pods of classes that are not described are never preempted"
    if not kinds["StorageClass"]:
        yield "there is no StorageClass in the input: volumes of claims are assumed to be reached from every node"
    ignored = [f"{n} {kind}" for kind, n in sorted(kinds.items()) if kind not in (*_KINDS, "Lease")]
    if ignored:
        yield f"not packed: {', '.join(ignored)}"
