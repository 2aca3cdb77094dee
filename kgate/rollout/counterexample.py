"""A world that was played, as a scenario file that `kgate simulate` plays again, with a loss at one moment of the change or to its end.

A counter-example is only shown when it was replayed to the same end; the smallest one that does: this Deployment alone, else all.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from kgate.engine.api.codec import CLUSTER_SCOPED
from kgate.engine.api.core import PriorityClass
from kgate.engine.behaviour import Behaviour, ImageBehaviour
from kgate.engine.errors import ApiError, LivelockError
from kgate.manifest import Manifest
from kgate.rollout.census import Low
from kgate.rollout.nodes import NodeSpec
from kgate.rollout.stage import SUPPORT, behaviour_of, key_of, residents, tenants

if TYPE_CHECKING:
    from kgate.rollout.questions.evidence import Evidence

Body = dict[str, Any]

MOST_PODS = 300
"""In a larger world nobody looks for the cause, so it is not written down."""
_LONGEST_S = 24 * 3600


def loss(evidence: Evidence, what: str, low: Low, *, watched_s: int = 60) -> str:
    """The scenario in which the `node` or `zone` of `low` is lost at that moment; empty when no replay shows the same number.

    It goes on for `watched_s` after that.
    """
    for alone in (True, False) if evidence.crowd > 1 else (False,):
        body = scenario(evidence, what, low, alone=alone, watched_s=watched_s)
        if body is not None and replayed(body, evidence.manifest.name) == low.available:
            return written(body)
    return ""


def ending(evidence: Evidence, what: str) -> str:
    """The scenario of the whole rollout, whose pods end on the same nodes; empty when no replay ends so. `what` describes it."""
    name = evidence.manifest.name
    wait: Body = {"wait": {"complete": [name], "allow_terminating": True}, "timeout": _LONGEST_S}
    where = {node: n for node, n in evidence.followed.end.items() if n}
    for alone in (True, False) if evidence.crowd > 1 else (False,):
        body = _scenario(evidence, f"{name}-ends", what, [wait], alone=alone)
        if body is not None and _distribution(body, name) == where:
            return written(body)
    return ""


def scenario(evidence: Evidence, what: str, low: Low, *, alone: bool, watched_s: int) -> Body | None:
    """None when the world is too large for a file that people read."""
    lost = [n.name for n in evidence.rolled.cluster.nodes if low.lost == (n.name if what == "node" else n.zone)]
    name = f"{evidence.manifest.name}-without-{what}-{low.lost}"
    told = f"{what} {low.lost} is lost {low.at_ms / 1000:g}s after the change: {low.available} available pods are left"
    stops: list[Body] = [{"node": {"stop": node}} for node in lost]
    return _scenario(evidence, name, told, [{"sleep": low.at_ms / 1000}, *stops, {"sleep": watched_s}], alone=alone)


def _scenario(evidence: Evidence, name: str, told: str, steps: Sequence[Body], *, alone: bool) -> Body | None:
    """The base settles, then the change is applied, then these steps. None when the world is too large for a file that people read."""
    base, head = (_cast(evidence, manifests, alone=alone) for manifests in (evidence.base, evidence.head))
    cluster = evidence.rolled.cluster
    if not alone and sum(f.peak_pods for f in evidence.rolled.followed.values()) > MOST_PODS:
        return None
    secrets = _Secrets()
    classes = [o for o in cluster.objects if o["kind"] == PriorityClass.kind]  # pods name them
    furniture = [*classes, *_tenants(evidence), *(o for o in cluster.objects if o not in classes), *_stand_ins(evidence)]
    waits = [m.name for m in base if m.kind == "Deployment"]
    return {
        "name": name,
        "description": told,
        "nodes": [_node(n) for n in cluster.nodes],
        "kubelet": _kubelet(behaviour_of([*evidence.head, *evidence.base], evidence.settings.behaviour)),
        "objects": [*map(_plain, furniture), *(secrets.hidden(m) for m in base)],
        "steps": [
            {"wait": {"complete": waits, "allow_terminating": True, "settle": 0}, "timeout": _LONGEST_S},
            {"apply": [secrets.hidden(m) for m in head]},
            *steps,
        ],
    }


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
    for node in cluster.nodes:
        yield from tenants(node.name, cluster.used.get(node.name))
    yield from residents(cluster, [*evidence.head, *evidence.base])


def _stand_ins(evidence: Evidence) -> Iterator[Mapping[str, Any]]:
    for name in evidence.rolled.played.stand_ins:
        yield {"apiVersion": "scheduling.k8s.io/v1", "kind": PriorityClass.kind, "metadata": {"name": name}, "value": 0}


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
    spans = {"startup": m.startup_ms, "termination": m.termination_ms, "unready_after": m.unready_after_ms}
    mode = {} if m.mode == "ok" else {"mode": m.mode}
    return mode | {name: ms / 1000 for name, ms in spans.items() if ms is not None}


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
