"""The nodes of a scenario or a cluster file, as the objects the API would show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from kgate.manifest import Path
from kgate.rollout import fields
from kgate.rollout.fields import Fields, did_you_mean, refuse

ZONE = "topology.kubernetes.io/zone"
HOSTNAME = "kubernetes.io/hostname"
MOST_NODES = 5000
"""Kubernetes' own limit for one cluster; a file that asks for more is refused rather than played for minutes."""

_KEYS = (
    "name", "count", "prefix", "cpu", "memory", "pods", "ephemeral-storage", "zone", "labels", "taints", "unschedulable", "extended",
    "allocatable", "images", "bandwidth",
)  # fmt: skip
GROWTH = ("min", "max", "provision")
"""Keys of a group that an autoscaler grows."""
_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")


class NodeSpec(Struct, frozen=True, kw_only=True):
    """One node before it exists. Quantities as text."""

    name: str
    cpu: str = "4"
    memory: str = "8Gi"
    pods: int = 110
    ephemeral_storage: str = "100Gi"
    zone: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Mapping[str, str], ...] = ()
    unschedulable: bool = False
    extended: Mapping[str, str] = field(default_factory=dict)
    allocatable: Mapping[str, str] = field(default_factory=dict)
    """What pods may use where it is less than the capacity."""
    images: tuple[Mapping[str, Any], ...] = ()
    bandwidth: Mapping[str, str] = field(default_factory=dict)
    """What it carries of ingress and egress, in bits a second. Read only by a scheduler that is told to."""

    def body(self) -> dict[str, Any]:
        """The Node object."""
        capacity = {"cpu": self.cpu, "memory": self.memory, "pods": str(self.pods), "ephemeral-storage": self.ephemeral_storage}
        capacity.update(self.extended)
        well_known = {HOSTNAME: self.name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
        zone = {ZONE: self.zone} if self.zone else {}
        # The node lifecycle controller taints a cordoned node; that is the engine's to do.
        spec: dict[str, Any] = {"unschedulable": True} if self.unschedulable else {}
        if self.taints:
            spec["taints"] = [dict(t) for t in self.taints]
        return {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": self.name, "labels": well_known | zone | dict(self.labels)} | self._annotations(),
            "spec": spec,
            "status": {
                "capacity": capacity,
                "allocatable": {**capacity, **self.allocatable},
                "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}],
                "images": [dict(i) for i in self.images],
            },
        }

    def _annotations(self) -> dict[str, Any]:
        said = {f"kubernetes.io/{direction}-bandwidth": text for direction, text in self.bandwidth.items()}
        return {"annotations": said} if said else {}


class Growth(Struct, frozen=True, kw_only=True):
    """A group of nodes that an autoscaler grows from `least` to `most`."""

    prefix: str
    least: int
    most: int
    provision_ms: int
    """From the refusal of a pod that a new node would hold, until that node is Ready."""
    node: NodeSpec
    """Any of them, whatever its name."""


def read_nodes(entries: Sequence[tuple[Path, Any]], *, extra: Sequence[str] = ()) -> tuple[NodeSpec, ...]:
    """All nodes in the order of the file; `count: 3, prefix: n` makes n1, n2, n3. `extra` keys are the caller's to read."""
    nodes: list[NodeSpec] = []
    seen: set[str] = set()
    for path, entry in entries:
        for node in read_group(entry, path, extra=extra):
            if node.name in seen:
                refuse(path, f"there are two nodes {node.name!r}")
            seen.add(node.name)
            nodes.append(node)
            if len(nodes) > MOST_NODES:
                refuse(path, f"more than {MOST_NODES} nodes")
    return tuple(nodes)


def read_group(entry: object, path: Path, *, extra: Sequence[str] = ()) -> list[NodeSpec]:
    """The node, or the `count` equal nodes, of one entry."""
    body = Fields(entry, path, (*_KEYS, *extra), "a node")
    template = NodeSpec(
        name=body.text("name", ""),
        cpu=body.quantity("cpu", "4"),
        memory=body.quantity("memory", "8Gi"),
        pods=_pods(body),
        ephemeral_storage=body.quantity("ephemeral-storage", "100Gi"),
        zone=body.text("zone", ""),
        labels=body.texts("labels"),
        taints=tuple(_taint(t, p) for p, t in body.items("taints")),
        unschedulable=body.flag("unschedulable"),
        extended=body.quantities("extended"),
        allocatable=body.quantities("allocatable"),
        images=tuple(_image(i, p) for p, i in body.items("images")),
        bandwidth=_bandwidth(body.raw("bandwidth"), body.at("bandwidth")),
    )
    if "max" in body:
        least = _growing(body)
        prefix = body.text("prefix")
        return [replace(template, name=f"{prefix}{i}") for i in range(1, least + 1)]
    if "min" in body or "provision" in body:
        refuse(path, "max is missing", "a group grows from min to max nodes")
    if "count" not in body:
        if not template.name:
            refuse(path, "a node needs a name, or a count and a prefix")
        return [template]
    prefix = body.text("prefix", f"{template.name}-" if template.name else "n")
    return [replace(template, name=f"{prefix}{i}") for i in range(1, body.whole("count", 1, least=0, most=MOST_NODES) + 1)]


def read_growth(entry: Any, path: Path, *, extra: Sequence[str] = ()) -> Growth | None:
    """How the group of that entry grows; None when it does not."""
    body = Fields(entry, path, (*_KEYS, *GROWTH, *extra), "a node")
    if "max" not in body:
        return None
    plain = {k: v for k, v in entry.items() if k in _KEYS and k != "prefix"}
    (node,) = read_group({**plain, "name": body.text("prefix")}, path)
    most = body.whole("max", 1, most=MOST_NODES)
    return Growth(prefix=body.text("prefix"), least=_growing(body), most=most, provision_ms=body.millis("provision", 60), node=node)


def _growing(body: Fields) -> int:
    """How many nodes there are at first."""
    for key in ("count", "name"):
        if key in body:
            refuse(body.at(key), f"max excludes {key}", "a group grows from min to max nodes, called prefix1, prefix2, ...")
    least = body.whole("min", 1, most=MOST_NODES)
    if least > body.whole("max", 1, most=MOST_NODES):
        refuse(body.at("min"), f"min is {least}, more than max")
    return least


def _pods(body: Fields) -> int:
    """A whole number, also when it is written as text."""
    raw = body.raw("pods")
    if isinstance(raw, str) and raw.isascii() and raw.isdigit():
        return fields.whole(int(raw[:10]), body.at("pods"))
    return body.whole("pods", 110)


def _taint(value: object, path: Path) -> Mapping[str, str]:
    body = Fields(value, path, ("key", "value", "effect"), "a taint")
    effect = body.text("effect", "NoSchedule")
    if effect not in _EFFECTS:
        refuse(body.at("effect"), f"effect is {effect!r}", did_you_mean(effect, _EFFECTS))
    return {"key": body.text("key"), "effect": effect} | ({"value": body.text("value")} if "value" in body else {})


def _bandwidth(value: object, path: Path) -> Mapping[str, str]:
    body = Fields({} if value is None else value, path, ("ingress", "egress"), "bandwidth")
    return {direction: body.quantity(direction, "0") for direction in ("ingress", "egress") if direction in body}


def _image(value: object, path: Path) -> Mapping[str, Any]:
    body = Fields(value, path, ("names", "sizeBytes"), "an image")
    names = [fields.text(n, p) for p, n in body.items("names")]
    return {"names": names, "sizeBytes": body.whole("sizeBytes", 0, most=2**53)}
