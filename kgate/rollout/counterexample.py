"""A world that was played, or what is left of it, as a scenario file that `kgate simulate` plays again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from kgate.engine.api.codec import CLUSTER_SCOPED
from kgate.engine.api.core import PriorityClass
from kgate.engine.api.quantity import milli, parse, value
from kgate.engine.behaviour import Behaviour, ImageBehaviour
from kgate.engine.errors import ApiError, LivelockError
from kgate.manifest import Manifest
from kgate.rollout.census import Low
from kgate.rollout.cluster import ClusterSpec, Used
from kgate.rollout.nodes import Growth, NodeSpec
from kgate.rollout.pods import SPANS
from kgate.rollout.stage import SUPPORT, behaviour_of, key_of, residents, tenants

if TYPE_CHECKING:
    from kgate.rollout.questions.evidence import Evidence

Body = dict[str, Any]

MOST_PODS = 300
"""In a larger world nobody looks for the cause, so it is not written down."""
_LONGEST_S = 24 * 3600


def ending(evidence: Evidence, what: str) -> str:
    """The scenario of the whole rollout, whose pods end on the same nodes; empty when no replay ends so. `what` describes it."""
    name = evidence.manifest.name
    wait: Body = {"wait": {"complete": [name], "allow_terminating": True}, "timeout": _LONGEST_S}
    where = {node: n for node, n in evidence.followed.end.items() if n}
    for alone in (True, False) if evidence.crowd > 1 else (False,):
        body = scenario(evidence, f"{name}-ends", what, [wait], Cut(alone=alone))
        if body is not None and _distribution(body, name) == where:
            return written(body)
    return ""


def loss(evidence: Evidence, what: str, low: Low, *, watched_s: int = 60) -> str:
    """The scenario in which the `node` or `zone` of `low` is lost at that moment; empty when no replay shows the same number.

    It goes on for `watched_s` after that.
    """
    name = f"{evidence.manifest.name}-without-{what}-{low.lost}"
    told = f"{what} {low.lost} is lost {low.at_ms / 1000:g}s after the change: {low.available} available pods are left"
    stops: list[Body] = [{"node": {"stop": node}} for node in lost_nodes(evidence, what, low.lost, Cut())]
    steps = [{"sleep": low.at_ms / 1000}, *stops, {"sleep": watched_s}]
    for alone in (True, False) if evidence.crowd > 1 else (False,):
        body = scenario(evidence, name, told, steps, Cut(alone=alone))
        if body is not None and replayed(body, evidence.manifest.name) == low.available:
            return written(body)
    return ""


class Cut(Struct, frozen=True, kw_only=True):
    """What is left of the world in a scenario."""

    alone: bool = False
    """Without the other Deployments."""
    resting: bool = False
    """The others are there, and do not change."""
    bare: bool = False
    """Without what others have on the nodes, and all else that the cluster file says."""
    nodes: tuple[str, ...] | None = None
    """Only these; None: all."""
    replicas: int | None = None
    """Instead of what is written."""


def scenario(evidence: Evidence, name: str, told: str, steps: Sequence[Body], cut: Cut) -> Body | None:
    """The base settles, then the change is applied, then these steps. None when the world is too large for a file that people read."""
    base = _cast(evidence, evidence.base, alone=cut.alone)
    head = _cast(evidence, evidence.head, alone=cut.alone or cut.resting)
    cluster = evidence.rolled.cluster
    if not cut.alone and sum(f.peak_pods for f in evidence.rolled.followed.values()) > MOST_PODS:
        return None
    secrets = _Secrets()
    classes = [o for o in cluster.objects if o["kind"] == PriorityClass.kind]  # pods name them
    others = [] if cut.bare else [*_tenants(evidence), *(o for o in cluster.objects if o not in classes)]
    furniture = [*classes, *others, *_stand_ins(evidence)]
    waits = [m.name for m in base if m.kind == "Deployment"]
    return {
        "name": name,
        "description": told,
        "nodes": list(_nodes(cluster, cut)),
        "kubelet": _kubelet(behaviour_of([*head, *base], evidence.settings.behaviour)),
        "objects": [*map(_plain, furniture), *(_sized(secrets.hidden(m), m, evidence, cut) for m in base)],
        "steps": [
            {"wait": {"complete": waits, "allow_terminating": True, "settle": 0}, "timeout": _LONGEST_S},
            {"apply": [_sized(secrets.hidden(m), m, evidence, cut) for m in head]},
            *steps,
        ],
    }


def lost_nodes(evidence: Evidence, what: str, lost: str, cut: Cut) -> list[str]:
    """The nodes that go when that `node` or `zone` does."""
    there = [n for n in evidence.rolled.cluster.nodes if cut.nodes is None or n.name in cut.nodes]
    return [n.name for n in there if lost == (n.name if what == "node" else n.zone)]


def _sized(body: Body, manifest: Manifest, evidence: Evidence, cut: Cut) -> Body:
    if cut.replicas is not None and manifest.kind == "Deployment" and key_of(manifest) == evidence.key:
        body["spec"]["replicas"] = cut.replicas
    return body


def written(body: Body) -> str:
    import yaml

    return str(yaml.safe_dump(body, sort_keys=False, allow_unicode=True, width=120, default_flow_style=None))


def replayed(body: Body, deployment: str) -> int | None:
    """How many pods of the Deployment are available right after the loss; None when it does not come to that."""
    lost = {step["node"]["stop"] for step in body["steps"] if "node" in step}
    recording = _recording(body)
    if recording is None:
        return None
    at = next((s["t"] for s in recording["stepResults"] if s["op"] == "node"), None)
    return None if at is None else _ready(recording["timeline"], deployment, at, lost)


def _distribution(body: Body, deployment: str) -> Mapping[str, int]:
    """Its pods at the end, by node."""
    recording = _recording(body)
    found: Mapping[str, int] = {} if recording is None else recording["final"]["distribution"].get(deployment, {})
    return found


def _recording(body: Body) -> Mapping[str, Any] | None:
    """None when it cannot be played."""
    from kgate.rollout.play import Player
    from kgate.rollout.scenario import read_scenario

    try:
        return Player(read_scenario(body, name=body["name"]), None).play()
    except (ApiError, LivelockError):
        return None


def _ready(timeline: Sequence[Mapping[str, Any]], deployment: str, at: float, lost: set[str]) -> int:
    """Pods that are ready and not on a lost node."""
    pods: dict[str, dict[str, Any]] = {}
    for entry in timeline:
        if entry["t"] > at:
            break
        if entry["o"].startswith(f"Pod/{deployment}/"):
            pods.setdefault(entry["o"], {}).update({k: v[1] if isinstance(v, list) else v for k, v in entry["set"].items()})
            if entry["op"] == "DEL":
                del pods[entry["o"]]
    return sum(bool(p.get("ready")) and not p.get("deleting") and p.get("node") not in lost for p in pods.values())


def _cast(evidence: Evidence, manifests: Sequence[Manifest], *, alone: bool) -> list[Manifest]:
    """In the order in which a rehearsal applies them."""
    ours = [m for m in manifests if m.kind in SUPPORT or (m.kind == "Deployment" and (not alone or key_of(m) == evidence.key))]
    return sorted(ours, key=lambda m: m.kind == "Deployment")


def _tenants(evidence: Evidence) -> Iterator[Mapping[str, Any]]:
    cluster = evidence.rolled.cluster
    growing = {f"{g.prefix}{i}" for g in cluster.growth for i in range(1, g.least + 1)}
    for node in cluster.nodes:
        if node.name not in growing:
            yield from tenants(node.name, cluster.used.get(node.name))
    yield from residents(cluster, [*evidence.head, *evidence.base])


def _stand_ins(evidence: Evidence) -> Iterator[Mapping[str, Any]]:
    for name in evidence.rolled.played.stand_ins:
        yield {"apiVersion": "scheduling.k8s.io/v1", "kind": PriorityClass.kind, "metadata": {"name": name}, "value": 0}


def _nodes(cluster: ClusterSpec, cut: Cut) -> Iterator[Body]:
    """Groups that grow come where their first node is, those that begin without any at the end."""
    groups = {f"{g.prefix}{i}": g for g in cluster.growth for i in range(1, g.least + 1)}
    written: list[Growth] = []
    for node in cluster.nodes:
        group = groups.get(node.name)
        if group is None:
            if cut.nodes is None or node.name in cut.nodes:
                yield _node(node)
        elif group not in written:
            written.append(group)
            yield _group(group, cluster, cut)
    yield from (_group(g, cluster, cut) for g in cluster.growth if g not in written)


def _group(group: Growth, cluster: ClusterSpec, cut: Cut) -> Body:
    """What others take of each of its nodes is not there to be had."""
    used = None if cut.bare else cluster.used_in.get(group.prefix)
    body = _node(group.node) if used is None else _node(_without(group.node, used))
    del body["name"]
    return {"prefix": group.prefix, "min": group.least, "max": group.most, "provision": group.provision_ms / 1000} | body


def _without(node: NodeSpec, used: Used) -> NodeSpec:
    had = {"cpu": node.cpu, "memory": node.memory} | dict(node.allocatable)
    cpu = milli(parse(had["cpu"])) - milli(parse(used.cpu))
    memory = value(parse(had["memory"])) - value(parse(used.memory))
    left = {"cpu": f"{max(0, cpu)}m", "memory": str(max(0, memory)), "pods": str(max(0, node.pods - max(1, used.pods)))}
    return replace(node, allocatable={**node.allocatable, **left})


def _node(n: NodeSpec) -> Body:
    """What is not as everywhere."""
    usual = NodeSpec(name=n.name)
    keys = {f: f.replace("_", "-") for f in NodeSpec.__struct_fields__}
    body = {key: _plain(getattr(n, field)) for field, key in keys.items() if getattr(n, field) != getattr(usual, field)}
    return {"name": n.name, "cpu": n.cpu, "memory": n.memory} | body


def _kubelet(behaviour: Behaviour) -> Body:
    images = {name: _manners(manners) for name, manners in behaviour.images.items()}
    return {"startup": behaviour.startup_ms / 1000, "termination": behaviour.termination_ms / 1000, "images": images}


def _manners(m: ImageBehaviour) -> Body:
    """What is played step by step is told step by step."""
    if m.played:
        steps = {name: getattr(m, f"{_IN_ENGINE.get(name, name)}_ms") for name in (*SPANS, "termination")}
        others = {"pull_error": m.pull_error, "exit_code": m.exit_code}
        return {name: ms / 1000 for name, ms in steps.items() if ms is not None} | {name: said for name, said in others.items() if said}
    spans = {"startup": m.startup_ms, "termination": m.termination_ms, "unready_after": m.unready_after_ms}
    told: Body = {name: ms / 1000 for name, ms in spans.items() if ms is not None}
    if m.startup_least_ms is not None and m.startup_ms is not None:
        told["startup"] = [m.startup_least_ms / 1000, m.startup_ms / 1000]
    return ({} if m.mode == "ok" else {"mode": m.mode}) | told


_IN_ENGINE = {"create": "start"}
"""What the engine calls it, where that is not the file's word."""


class _Secrets(Struct):
    """Values of environment variables do not leave the repository: each becomes a number, equal ones the same."""

    known: dict[str, str] = {}

    def hidden(self, manifest: Manifest) -> Body:
        body: Body = _plain(manifest.body)
        if manifest.kind not in CLUSTER_SCOPED:
            body["metadata"]["namespace"] = manifest.namespace or "default"
        spec = body.get("spec")
        pod = spec.get("template", {}).get("spec", {}) if manifest.kind == "Deployment" and isinstance(spec, dict) else {}
        for part in ("containers", "initContainers"):
            for container in pod.get(part) or ():
                for variable in container.get("env") or ():
                    if variable.get("value"):
                        variable["value"] = self.known.setdefault(str(variable["value"]), f"hidden-{len(self.known) + 1}")
        return body


def _plain(value: Any) -> Any:
    """Private, and nothing in it is shared: what YAML would write as an alias."""
    return json.loads(json.dumps(value, default=str))
