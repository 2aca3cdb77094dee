"""cluster.yaml: the cluster that rollouts are rehearsed on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from kgate.manifest import Location, Path, Source
from kgate.rollout.fields import Fields, SettingError, refuse
from kgate.rollout.namespaces import KEYS, read_objects
from kgate.rollout.nodes import GROWTH, MOST_NODES, Growth, NodeSpec, read_group, read_growth
from kgate.rollout.scheduling import SchedulerSpec, read_scheduler
from kgate.rollout.storage import KEYS as STORAGE
from kgate.rollout.storage import read_storage
from kgate.rollout.tenants import Tenant, read_tenants

_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.\d{1,9})?Z", re.ASCII)

UNKNOWN = "unknown"
"""The time of a snapshot that does not tell it."""


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
    growth: tuple[Growth, ...] = ()
    """Groups of nodes that an autoscaler grows; those they begin with are among `nodes`."""
    used_in: Mapping[str, Used] = field(default_factory=dict)
    """The same of the nodes that a group grows by, by its prefix."""
    pods: tuple[Tenant, ...] = ()
    """Other tenants' pods that are told one by one."""
    objects: tuple[Mapping[str, Any], ...] = ()
    """Quotas, limit ranges, priority classes and storage that are there before anything of the repository."""
    storage_told: bool = False
    """The file names all StorageClasses there are."""
    assumed_volumes: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """What is assumed of a claim, by namespace and name."""
    taken: str = ""
    """When it was packed from a live cluster, as the API writes times; empty: it was not, or nobody says.

    `unknown` when it was, and nothing in it told the time.
    """
    taken_at: Location = Location(line=1, column=1)
    """Where the file says so."""
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
        spec = _read(body, file)
        return replace(spec, taken_at=source.locate(0, ("taken",), key=False)) if source is not None and spec.taken else spec
    except SettingError as fault:
        raise fault.at(file, source) from None


def _read(body: object, file: str) -> ClusterSpec:
    whole = Fields({} if body is None else body, (), ("nodes", "pods", "taken", "scheduler", *KEYS, *STORAGE), "a cluster file")
    entries = whole.items("nodes")
    if not entries:
        refuse((), "a cluster needs nodes", "nodes: [{prefix: n, count: 3, zone: a, cpu: 4, memory: 16Gi}]")
    nodes: dict[str, NodeSpec] = {}
    used: dict[str, Used] = {}
    used_in: dict[str, Used] = {}
    growth: list[Growth] = []
    for path, entry in entries:
        group = read_group(entry, path, extra=("used", *GROWTH))
        _unique(group, nodes, path)
        nodes |= {n.name: n for n in group}
        taken = _used(entry, path)
        if taken is not None:
            used |= {n.name: taken for n in group}
        grows = read_growth(entry, path, extra=("used",))
        if grows is not None:
            growth.append(_apart(grows, growth, path))
            used_in |= {grows.prefix: taken} if taken is not None else {}
    objects = (*read_storage(whole), *read_objects(whole))
    return ClusterSpec(
        nodes=tuple(nodes.values()),
        used=used,
        growth=tuple(growth),
        used_in=used_in,
        pods=read_tenants(whole, nodes, [str(o["metadata"]["name"]) for o in objects if o["kind"] == "PriorityClass"]),
        objects=objects,
        storage_told="storageClasses" in whole,
        taken=_taken(whole),
        scheduler=read_scheduler(whole.raw("scheduler"), whole.at("scheduler")),
        file=file,
    )


def _apart(group: Growth, others: list[Growth], path: Path) -> Growth:
    if any(group.prefix == other.prefix for other in others):
        refuse(path, f"there are two groups {group.prefix!r}", "groups of nodes need different prefixes")
    return group


def _taken(whole: Fields) -> str:
    """When the file was made of what a cluster said; empty: nobody says."""
    if "taken" not in whole:
        return ""
    text = whole.text("taken")
    if text != UNKNOWN and moment(text) is None:
        refuse(whole.at("taken"), f"{text[:40]!r} is no time", "2026-01-31T12:00:00Z")
    return text


def moment(text: str) -> int | None:
    """Seconds since 1970 of a time as the API writes it (RFC 3339, UTC); None when it is none."""
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    from calendar import timegm

    year, month, day, hour, minute, second = (int(part) for part in match.groups())
    right = year >= 1970 and 1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60 and second < 61
    return timegm((year, month, day, hour, minute, second)) if right else None


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
