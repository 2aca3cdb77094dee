"""cluster.yaml: the cluster that rollouts are rehearsed on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from kgate.manifest import Path, Source
from kgate.rollout.fields import Fields, SettingError, refuse
from kgate.rollout.namespaces import KEYS, read_objects
from kgate.rollout.nodes import MOST_NODES, NodeSpec, read_group
from kgate.rollout.scheduling import SchedulerSpec, read_scheduler


class Used(Struct, frozen=True, kw_only=True):
    """What other tenants' pods take of one node. Quantities as text."""

    cpu: str = "0"
    memory: str = "0"
    pods: int = 0


class ClusterSpec(Struct, frozen=True, kw_only=True):
    """The nodes that rollouts are rehearsed on."""

    nodes: tuple[NodeSpec, ...]
    used: Mapping[str, Used] = field(default_factory=dict)
    """By name of the node; absent: nothing."""
    scheduler: SchedulerSpec = SchedulerSpec()
    objects: tuple[Mapping[str, Any], ...] = ()
    """Quotas, limit ranges and priority classes that are there before anything of the repository."""
    file: str = ""
    """Empty: nobody described a cluster, this one is assumed."""

    @property
    def assumed(self) -> bool:
        return not self.file


ASSUMED = ClusterSpec(nodes=tuple(NodeSpec(name=f"n{i}", cpu="4", memory="16Gi", zone=z) for i, z in enumerate("abc", start=1)))
"""What a rollout is rehearsed on when nobody says better; every report of it says so."""


def read_cluster(body: object, *, file: str, source: Source | None = None) -> ClusterSpec:
    """The cluster that a file describes. Raises ConfigError with the place in the file."""
    try:
        return _read(body, file)
    except SettingError as fault:
        raise fault.at(file, source) from None


def _read(body: object, file: str) -> ClusterSpec:
    whole = Fields({} if body is None else body, (), ("nodes", "scheduler", *KEYS), "a cluster file")
    entries = whole.items("nodes")
    if not entries:
        refuse((), "a cluster needs nodes", "nodes: [{prefix: n, count: 3, zone: a, cpu: 4, memory: 16Gi}]")
    nodes: dict[str, NodeSpec] = {}
    used: dict[str, Used] = {}
    for path, entry in entries:
        group = read_group(entry, path, extra=("used",))
        _unique(group, nodes, path)
        nodes |= {n.name: n for n in group}
        taken = _used(entry, path)
        if taken is not None:
            used |= {n.name: taken for n in group}
    scheduler = read_scheduler(whole.raw("scheduler"), whole.at("scheduler"))
    return ClusterSpec(nodes=tuple(nodes.values()), used=used, scheduler=scheduler, objects=read_objects(whole), file=file)


def _unique(group: list[NodeSpec], nodes: Mapping[str, NodeSpec], path: Path) -> None:
    for node in group:
        if node.name in nodes:
            refuse(path, f"there are two nodes {node.name!r}", "groups of nodes need different prefixes")
    if len(nodes) + len(group) > MOST_NODES:
        refuse(path, f"more than {MOST_NODES} nodes")


def _used(entry: Any, path: Path) -> Used | None:
    if entry.get("used") is None:
        return None
    body = Fields(entry["used"], (*path, "used"), ("cpu", "memory", "pods"), "used")
    return Used(cpu=body.quantity("cpu", "0"), memory=body.quantity("memory", "0"), pods=body.whole("pods", 0, most=1000))
