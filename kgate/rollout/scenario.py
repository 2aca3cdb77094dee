"""Reads the scenario language. A recorded file carries a scenario under `input`.

Reading is strict: an unknown key or step is a SettingError with its path. Nothing here knows the engine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from kgate.manifest import Path
from kgate.rollout import fields
from kgate.rollout.expect.reading import read_expectations
from kgate.rollout.fields import Fields, SettingError, did_you_mean, refuse
from kgate.rollout.nodes import GROWTH, Growth, NodeSpec, read_growth, read_nodes
from kgate.rollout.pods import read_kubelet
from kgate.rollout.scheduling import read_scheduler
from kgate.rollout.steps import (
    Action,
    Apply,
    Body,
    Complete,
    ConditionHolds,
    Create,
    Delete,
    Drain,
    EventSeen,
    Evict,
    Gone,
    Kind,
    KubeletStep,
    Metrics,
    NodeHolds,
    NodeStep,
    Patch,
    PodsCount,
    Quiet,
    Scale,
    Scenario,
    Schedule,
    Sleep,
    StatusHolds,
    Step,
    Unready,
    Until,
    Wait,
)

_FLAGS = (
    "attach-detach-reconcile-sync-period",
    "concurrent-deployment-syncs",
    "concurrent-replicaset-syncs",
    "deployment-controller-sync-period",
    "horizontal-pod-autoscaler-cpu-initialization-period",
    "horizontal-pod-autoscaler-downscale-delay",
    "horizontal-pod-autoscaler-downscale-stabilization",
    "horizontal-pod-autoscaler-initial-readiness-delay",
    "horizontal-pod-autoscaler-sync-period",
    "horizontal-pod-autoscaler-tolerance",
    "kube-api-burst",
    "kube-api-qps",
    "large-cluster-size-threshold",
    "node-eviction-rate",
    "node-monitor-grace-period",
    "node-monitor-period",
    "node-startup-grace-period",
    "resource-quota-sync-period",
    "secondary-node-eviction-rate",
    "terminated-pod-gc-threshold",
    "unhealthy-zone-threshold",
)
"""Flags of kube-controller-manager that say something about Deployments, pods and nodes."""


_ABOUT = ("name", "description", "category", "kubernetes", "tags", "deterministic", "runs", "recording", "expect")
_INPUT = ("nodes", "kubelet", "objects", "settings", "scheduler", "steps")


def read_scenario(body: object, *, name: str) -> Scenario:
    """The scenario in `body`; `name` is used when it does not name itself. Raises SettingError."""
    whole = Fields(body, (), (*_ABOUT, "input", *_INPUT), "a scenario")
    part = Fields(whole.raw("input"), ("input",), _INPUT, "input") if "input" in whole else whole
    if "steps" not in part:
        refuse(part.path, "a scenario needs steps", "steps: [{apply: ...}, {wait: {complete: NAME}}]")
    steps = tuple(_step(item, path) for path, item in part.items("steps"))
    return Scenario(
        name=whole.text("name", name),
        description=whole.text("description", ""),
        category=whole.text("category", ""),
        kubernetes=_minor(whole.text("kubernetes", "")),
        nodes=read_nodes(part.items("nodes"), extra=GROWTH) if "nodes" in part else DEFAULT_NODES,
        groups=tuple(_groups(part)),
        kubelet=read_kubelet(part.raw("kubelet") or {}, part.at("kubelet")),
        objects=tuple(_object(item, path) for path, item in part.items("objects")),
        settings=_settings(part),
        scheduler=read_scheduler(part.raw("scheduler"), part.at("scheduler")),
        steps=steps,
        expect=read_expectations(whole.items("expect"), _names(steps)),
    )


def _groups(part: Fields) -> Iterator[Growth]:
    for path, entry in part.items("nodes"):
        if (group := read_growth(entry, path)) is not None:
            yield group


def _names(steps: Sequence[Step]) -> list[str]:
    """Raises SettingError for the second step of a name."""
    names: list[str] = []
    for step in steps:
        if step.name in names:
            refuse((*step.path, "name"), f"there are two steps {step.name!r}")
        names += [step.name] if step.name else []
    return names


DEFAULT_NODES = tuple(NodeSpec(name=f"n{i}", cpu="32", memory="64Gi") for i in (1, 2, 3))


def _minor(version: str) -> str:
    """`v1.36.2` is `1.36`."""
    return ".".join(version.removeprefix("v").split(".")[:2])


def _settings(part: Fields) -> Mapping[str, Any]:
    flags = fields.mapping(part.raw("settings") or {}, part.at("settings"), "settings")
    for flag in flags:
        if flag not in _FLAGS:
            hint = did_you_mean(flag, _FLAGS)
            raise SettingError((*part.at("settings"), flag), f"unknown flag of kube-controller-manager {flag!r}", hint, key=True)
    return flags


def _object(value: object, path: Path) -> Body:
    body = fields.mapping(value, path, "an object")
    if not isinstance(body.get("kind"), str):
        refuse(path, "an object needs a kind")
    metadata = body.get("metadata")
    if not isinstance(metadata, Mapping) or not (metadata.get("name") or metadata.get("generateName")):
        refuse(path, "an object needs metadata.name")
    return body


def _step(value: object, path: Path) -> Step:
    body = fields.mapping(value, path, "a step")
    ops = [k for k in body if k in _READERS]
    for key in body:
        if key not in _READERS and key not in ("timeout", "name"):
            raise SettingError((*path, key), f"unknown step {key!r}", did_you_mean(key, _READERS), key=True)
    if len(ops) != 1:
        refuse(path, f"a step does one thing, not {len(ops)}", f"one of {', '.join(_READERS)}")
    op = ops[0]
    name = fields.text(body["name"], (*path, "name")) if body.get("name") is not None else ""
    if op == "wait":
        timeout_ms = fields.seconds(body["timeout"], (*path, "timeout")) if body.get("timeout") is not None else 60_000
        return Step(op=op, action=_wait(body[op], (*path, op), timeout_ms), path=path, name=name)
    if "timeout" in body:
        refuse((*path, "timeout"), "only a wait has a timeout")
    return Step(op=op, action=_READERS[op](body[op], (*path, op)), path=path, name=name)


def _apply(value: object, path: Path) -> Apply:
    if isinstance(value, list):
        return Apply(objects=tuple(_object(o, (*path, i)) for i, o in enumerate(value)), listed=True)
    return Apply(objects=(_object(value, path),), listed=False)


def _create(value: object, path: Path) -> Create:
    return Create(object=fields.mapping(value, path, "an object"))


def _patch(value: object, path: Path) -> Patch:
    body = Fields(value, path, ("kind", "name", "patch", "type", "sub"), "patch")
    if "patch" not in body:
        refuse(path, "patch is missing")
    type_ = _one_of(body, "type", ("merge", "strategic", "json"), "merge")
    if type_ == "json":
        fields.items(body.raw("patch"), body.at("patch"))
    else:
        fields.mapping(body.raw("patch"), body.at("patch"), "patch")
    return Patch(
        kind=body.text("kind", "Deployment"), name=body.text("name"), patch=body.raw("patch"), type=type_, subresource=body.text("sub", "")
    )


def _scale(value: object, path: Path) -> Scale:
    body = Fields(value, path, ("name", "replicas"), "scale")
    if "replicas" not in body:
        refuse(path, "replicas is missing")
    return Scale(name=body.text("name"), replicas=body.whole("replicas", 0))


def _delete(value: object, path: Path) -> Delete:
    body = Fields(value, path, ("kind", "name", "propagation", "grace", "pick", "pick_rs"), "delete")
    pick = Fields(body.raw("pick") or {}, body.at("pick"), ("prefix", "ready"), "pick")
    newest = body.flag("pick_rs")
    if not ("name" in body or "pick" in body or newest):
        refuse(path, "delete needs a name, pick or pick_rs")
    return Delete(
        kind=body.text("kind", "ReplicaSet" if newest else "Pod" if "pick" in body else "Deployment"),
        name=body.text("name", ""),
        propagation=_one_of(body, "propagation", ("Background", "Foreground", "Orphan"), ""),
        grace_s=body.whole("grace", 0) if "grace" in body else None,
        pick="pick" in body,
        prefix=pick.text("prefix", ""),
        ready=pick.flag("ready") if "ready" in pick else None,
        newest_replica_set=newest,
    )


def _evict(value: object, path: Path) -> Evict:
    body = Fields(value, path, ("prefix", "node", "unready", "count"), "evict")
    return Evict(
        prefix=body.text("prefix", ""),
        node=body.text("node", ""),
        unready=body.flag("unready") if "unready" in body else None,
        count=body.whole("count", 0) if "count" in body else None,
    )


def _drain(value: object, path: Path) -> Drain:
    body = Fields(value, path, ("node", "timeout", "retry"), "drain")
    return Drain(node=body.text("node"), timeout_ms=body.millis("timeout", 30), retry_ms=max(1, body.millis("retry", 0.5)))


_BY_NAME = ("stop", "start", "cordon", "uncordon", "delete")


def _node(value: object, path: Path) -> NodeStep:
    body = Fields(value, path, (*_BY_NAME, "taint", "untaint", "label", "add"), "node")
    verbs = body.present()
    if len(verbs) != 1:
        refuse(path, f"a node step does one thing, not {len(verbs)}")
    verb = verbs[0]
    if verb in _BY_NAME:
        return NodeStep(verb=verb, name=body.text(verb))
    if verb == "add":
        return NodeStep(verb=verb, added=read_nodes(body.items("add")))
    if verb == "label":
        part = Fields(body.raw(verb), body.at(verb), ("name", "labels"), "label")
        labels = fields.mapping(part.raw("labels") or {}, part.at("labels"), "labels")
        return NodeStep(verb=verb, name=part.text("name"), labels=labels)
    part = Fields(body.raw(verb), body.at(verb), ("name", "key", "value", "effect"), verb)
    taint = {"key": part.text("key")} | {k: part.text(k) for k in ("value", "effect") if k in part}
    if verb == "taint":
        taint.setdefault("effect", "NoSchedule")
    return NodeStep(verb=verb, name=part.text("name"), taint=taint)


def _unready(value: object, path: Path) -> Unready:
    body = Fields(value, path, ("prefix", "count"), "unready")
    return Unready(prefix=body.text("prefix", ""), count=body.whole("count", 1))


def _metrics(value: object, path: Path) -> Metrics:
    body = Fields(value, path, ("prefix", "cpu", "memory"), "metrics")
    return Metrics(prefix=body.text("prefix", ""), cpu=body.quantity("cpu", "0"), memory=body.quantity("memory", "10Mi"))


def _kubelet(value: object, path: Path) -> KubeletStep:
    read_kubelet(value, path)
    return KubeletStep(changes=fields.mapping(value, path, "kubelet"), path=path)


def _sleep(value: object, path: Path) -> Sleep:
    return Sleep(ms=fields.seconds(value, path))


_WAITS = ("complete", "quiet", "condition", "status", "pods", "gone", "event", "node")


def _wait(value: object, path: Path, timeout_ms: int) -> Wait:
    body = Fields(value, path, (*_WAITS, "allow_terminating", "settle"), "wait")
    asked = [k for k in body.present() if k in _WAITS]
    if len(asked) != 1:
        refuse(path, f"a wait waits for one thing, not {len(asked)}", f"one of {', '.join(_WAITS)}")
    what = asked[0]
    if what == "quiet":
        until: Until = Quiet(ms=body.millis("quiet", 0))
    elif what == "complete":
        until = _complete(body)
    else:
        until = _UNTILS[what](body.raw(what), body.at(what))
    return Wait(until=until, settle_ms=0 if what == "quiet" else body.millis("settle", 0.15), timeout_ms=timeout_ms)


def _complete(body: Fields) -> Complete:
    named = body.raw("complete")
    path = body.at("complete")
    names = [fields.text(n, p) for p, n in fields.items(named, path)] if isinstance(named, list) else [fields.text(named, path)]
    return Complete(names=tuple(names), allow_terminating=body.flag("allow_terminating"))


def _condition(value: object, path: Path) -> Until:
    body = Fields(value, path, ("kind", "name", "type", "status", "reason"), "condition")
    return ConditionHolds(
        kind=body.text("kind", "Deployment"),
        name=body.text("name"),
        type=body.text("type"),
        status=body.text("status", ""),
        reason=body.text("reason", ""),
    )


def _status(value: object, path: Path) -> Until:
    body = Fields(value, path, ("kind", "name", "fields"), "status")
    wanted = fields.mapping(body.raw("fields"), body.at("fields"), "fields")
    for key, bound in wanted.items():
        if isinstance(bound, Mapping):
            Fields(bound, (*body.at("fields"), key), ("ge", "le"), "a bound")
    return StatusHolds(kind=body.text("kind", "Deployment"), name=body.text("name"), fields=wanted)


def _pods(value: object, path: Path) -> Until:
    counts = ("total", "ready", "bound", "unschedulable", "terminating")
    body = Fields(value, path, ("prefix", *counts, "notOnNode"), "pods")
    number = {c: body.whole(c, 0) if c in body else None for c in counts}
    return PodsCount(
        prefix=body.text("prefix", ""),
        total=number["total"],
        ready=number["ready"],
        bound=number["bound"],
        unschedulable=number["unschedulable"],
        terminating=number["terminating"],
        not_on_node=body.text("notOnNode", ""),
    )


def _gone(value: object, path: Path) -> Until:
    body = Fields(value, path, ("kind", "name"), "gone")
    return Gone(kind=body.text("kind", "Deployment"), name=body.text("name"))


def _event(value: object, path: Path) -> Until:
    body = Fields(value, path, ("reason", "contains", "count"), "event")
    return EventSeen(reason=body.text("reason", ""), contains=body.text("contains", ""), count=body.whole("count", 1))


def _node_holds(value: object, path: Path) -> Until:
    body = Fields(value, path, ("name", "ready", "taint", "effect", "absent"), "node")
    return NodeHolds(
        name=body.text("name"),
        ready=_one_of(body, "ready", ("True", "False", "Unknown"), ""),
        taint=body.text("taint", ""),
        effect=body.text("effect", ""),
        absent=body.flag("absent"),
    )


def _one_of(body: Fields, key: str, allowed: Sequence[str], default: str) -> str:
    value = body.text(key, default)
    if key in body and value not in allowed:
        raise SettingError(body.at(key), f"{key} is {value!r}", did_you_mean(value, allowed))
    return value


_UNTILS: Mapping[str, Callable[[object, Path], Until]] = {
    "condition": _condition,
    "status": _status,
    "pods": _pods,
    "gone": _gone,
    "event": _event,
    "node": _node_holds,
}


def _schedule(value: object, path: Path) -> Schedule:
    told: dict[tuple[Kind, int], str] = {}
    for place, entry in fields.items(value, path):
        body = Fields(entry, place, (*_CHOICES, "node", "after"), "a choice")
        kinds = [kind for kind in _CHOICES if kind in body]
        if len(kinds) != 1:
            refuse(place, f"a choice is one thing, not {len(kinds)}", f"one of {', '.join(_CHOICES)}, and its number")
        kind = kinds[0]
        at = (kind, body.whole(kind, 0, least=0))
        if at in told:
            refuse(body.at(kind), f"{kind} {at[1]} is there twice")
        unfit = "node" if kind == "start" else "after"
        if unfit in body:
            refuse(body.at(unfit), f"a {kind} has no {unfit}")
        told[at] = str(_needed_ms(body)) if kind == "start" else body.text("node")
    return Schedule(told=told)


def _needed_ms(body: Fields) -> int:
    if "after" not in body:
        refuse(body.path, "after is missing", "after: SECONDS")
    return body.millis("after", 0)


_CHOICES: tuple[Kind, ...] = ("tie", "deletion", "start")


_READERS: Mapping[str, Callable[[object, Path], Action]] = {
    "apply": _apply,
    "create": _create,
    "patch": _patch,
    "scale": _scale,
    "delete": _delete,
    "evict": _evict,
    "drain": _drain,
    "node": _node,
    "unready": _unready,
    "metrics": _metrics,
    "kubelet": _kubelet,
    "schedule": _schedule,
    "sleep": _sleep,
    "wait": lambda value, path: _wait(value, path, 60_000),
}
