"""A recording: what a played scenario did, in the shape the recordings of real control planes have."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from kgate.engine.api.core import Event
from kgate.engine.trace import WatchEvent
from kgate.rollout.nodes import ZONE
from kgate.rollout.phases import Mark, phases
from kgate.rollout.timeline import Timeline

PENDING = "<pending>"
BARE = "(bare)"


class Begun(Struct, frozen=True, kw_only=True):
    """A changing step: its index, its name, and the resourceVersion of the write (or of the last write before it)."""

    step: int
    op: str
    version: int | None
    """None when the step wrote nothing through the API: the phase begins with the last tracked change before `seen`."""
    seen: int
    """The store's resourceVersion when the step began."""


def record(events: Sequence[WatchEvent], results: Sequence[Mapping[str, Any]], begun: Sequence[Begun]) -> dict[str, Any]:
    """The recording of a trace. `results` are the stepResults."""
    timeline = Timeline()
    timeline.follow(events)
    return {
        "stepResults": [_with_aliases(r, timeline) for r in results],
        "aliases": timeline.aliases.replica_sets,
        "timeline": timeline.entries,
        "phases": phases(timeline.entries, [_mark(b, timeline.versions) for b in begun]),
        "conditions": _conditions(timeline.entries),
        "bindings": _bindings(timeline.entries),
        "events": _events(events, timeline),
        "deletionOrder": [e["o"] for e in timeline.entries if e["op"] == "DEL"],
        "final": _final(events, timeline),
    }


def _with_aliases(result: Mapping[str, Any], timeline: Timeline) -> dict[str, Any]:
    """Evictions name pods as the API does; the alias stands beside the name."""
    if "evictions" not in result:
        return dict(result)
    return {**result, "evictions": [{**e, "alias": timeline.aliases.aliased(e["pod"])} for e in result["evictions"]]}


def _mark(begun: Begun, versions: Sequence[int]) -> Mark:
    if begun.version is not None:
        begin = bisect_left(versions, begun.version)
    else:
        begin = max(0, bisect_left(versions, begun.seen + 1) - 1)
    return Mark(step=begun.step, op=begun.op, begin=begin)


def _conditions(entries: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Every change of a condition of a Deployment."""
    out: list[dict[str, Any]] = []
    for entry in entries:
        kind, _, name = entry["o"].partition("/")
        for field, change in entry["set"].items() if kind == "Deployment" else ():
            if field.startswith("cond."):
                now = change[1] if isinstance(change, list) else change
                what = {"removed": True} if now is None else dict(now)
                out.append({"t": entry["t"], "rv": entry["rv"], "deployment": name, "type": field.removeprefix("cond.")} | what)
    return out


def _bindings(entries: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """In the order of the API's writes. A pod that was created bound is not in it."""
    return [
        {"t": e["t"], "pod": e["o"].removeprefix("Pod/"), "node": e["set"]["node"][1]}
        for e in entries
        if e["op"] == "MOD" and e["o"].startswith("Pod/") and "node" in e["set"]
    ]


def _events(events: Sequence[WatchEvent], timeline: Timeline) -> list[dict[str, Any]]:
    """Events as they appear, and again whenever their count rises; those of a scenario's namespace, not those about nodes."""
    return [_event(e, e.after, timeline) for e in events if isinstance(e.after, Event) and e.after.involved_object.namespace]


def _event(seen: WatchEvent, event: Event, timeline: Timeline) -> dict[str, Any]:
    about = event.involved_object
    name = timeline.aliases.aliased(about.name)
    return {
        "t": seen.time_ms / 1000,
        "rv": seen.resource_version,
        "op": "ADD" if seen.before is None else "MOD",
        "type": event.type,
        "reason": event.reason,
        "object": f"{about.kind}/{name}",
        "message": timeline.aliases.aliased(event.message),
        "source": event.reporting_component,
        "count": event.count,
    }


def _final(events: Sequence[WatchEvent], timeline: Timeline) -> dict[str, Any]:
    kinds: dict[str, dict[str, Any]] = {}
    for key, fields in timeline.state.items():
        kinds.setdefault(key.kind, {})[timeline.named[key]] = fields
    pods = [{"name": name} | {k: v for k, v in fields.items() if v} for name, fields in kinds.get("Pod", {}).items()]
    others = {kind: kinds[kind] for kind in sorted(kinds) if kind not in ("Deployment", "ReplicaSet", "Pod", "Node")}
    zone_of = _zones(events)
    return {
        "deployments": kinds.get("Deployment", {}),
        "replicasets": kinds.get("ReplicaSet", {}),
        "pods": pods,
        "distribution": _spread(pods, lambda node: node or PENDING),
        "zones": _spread([p for p in pods if zone_of.get(p.get("node", ""))], lambda node: zone_of[node]),
    } | others


def _spread(pods: Sequence[Mapping[str, Any]], place: Any) -> dict[str, dict[str, int]]:
    """Pods that are not being deleted, by Deployment and place."""
    out: dict[str, dict[str, int]] = {}
    for pod in pods:
        if not pod.get("deleting"):
            owner = str(pod["owner"]).split("/")[0] if pod.get("owner") else BARE
            where = out.setdefault(owner, {})
            at = place(pod.get("node", ""))
            where[at] = where.get(at, 0) + 1
    return out


def _zones(events: Sequence[WatchEvent]) -> dict[str, str]:
    """The zone label of every node there ever was."""
    return {e.key.name: e.object.metadata.labels[ZONE] for e in events if e.key.kind == "Node" and ZONE in e.object.metadata.labels}
