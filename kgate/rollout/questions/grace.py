"""Whether a container that stops has the time it needs (pkg/kubelet/kuberuntime/kuberuntime_container.go:killContainer).

The preStop hook runs within the grace period; SIGTERM comes after it, and SIGKILL at the end, two seconds later at the earliest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from kgate.engine import ApiError, Cluster, ImageBehaviour
from kgate.engine.api.core import Pod
from kgate.engine.api.meta import FrozenMap
from kgate.engine.behaviour import Behaviour
from kgate.finding import Rule, Severity, Stage
from kgate.manifest import Path
from kgate.rollout.questions.evidence import Answer, Evidence, Level
from kgate.rollout.stage import template_of
from kgate.rollout.startup import containers, span
from kgate.rollout.written import items, mapping

SHORT = Rule(
    id="KG5150",
    name="grace-too-short",
    stage=Stage.ROLLOUT,
    severity=Severity.WARNING,
    summary="a container is killed before it has stopped",
    why="preStop and the time after SIGTERM share the grace period; at its end the container is killed, with the requests it was serving.",
    remediation="set terminationGracePeriodSeconds above the time of preStop and stopping together",
    references=("https://kubernetes.io/docs/concepts/containers/container-lifecycle-hooks/#hook-handler-execution",),
)

DEFAULT_S = 30
MARGIN_S = 10
"""For stopping, where nobody says how long that takes."""
_SLEEP = re.compile(r"(?<![\w./-])sleep\s+(\d{1,6}(?:\.\d{1,3})?)([smhd]?)(?![\w.])", re.ASCII)
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_PATH: Path = ("spec", "template", "spec")


class _End(Struct, frozen=True, kw_only=True):
    """What one container does when it is asked to stop. Milliseconds."""

    index: int
    name: str
    image: str
    hook_ms: int
    stop_ms: int | None
    """None: nobody says."""

    @property
    def needs_ms(self) -> int:
        return self.hook_ms + (self.stop_ms or 0)


def short(evidence: Evidence) -> Iterator[Answer]:
    """Where a container has a preStop hook, or the settings say how long it takes to stop."""
    pod = mapping(template_of(evidence.manifest).get("spec"))
    grace = pod.get("terminationGracePeriodSeconds", DEFAULT_S)
    if not isinstance(grace, int) or isinstance(grace, bool):
        return
    for index, container in enumerate(containers(template_of(evidence.manifest))):
        hook = mapping(mapping(container.get("lifecycle")).get("preStop"))
        hook_ms = _hook_ms(hook)
        image = str(container.get("image") or "")
        stop = evidence.settings.behaviour.of(image).termination_ms
        name = str(container.get("name") or "")
        if hook_ms is None:
            yield _unknown(name, grace)
            continue
        end = _End(index=index, name=name, image=image, hook_ms=hook_ms, stop_ms=stop)
        if end.needs_ms > grace * 1000 or (hook_ms and hook_ms >= grace * 1000):
            yield _answer(pod, end, grace)


def _answer(pod: Mapping[str, Any], end: _End, grace: int) -> Answer:
    enough = -(-end.needs_ms // 1000) + (MARGIN_S if end.stop_ms is None else 0)
    parts = [f"its preStop hook takes {span(end.hook_ms)}"] if end.hook_ms else []
    parts += [f"stopping takes {span(end.stop_ms)}"] if end.stop_ms else []
    written = "terminationGracePeriodSeconds" in pod
    return Answer(
        rule=SHORT,
        level=Level.FAILS,
        statement=f"container {end.name} is killed while it stops: {' and '.join(parts)}, and the grace period is {grace}s",
        bounds="every time a pod is deleted",
        path=(*_PATH, "terminationGracePeriodSeconds") if written else (*_PATH, "containers", end.index, "lifecycle"),
        key=not written,
        fix=f"set terminationGracePeriodSeconds to {enough}",
        verified=_killed(pod, end, grace) is True and _killed(pod, end, enough) is False,
    )


def _unknown(name: str, grace: int) -> Answer:
    said = (
        f"whether container {name} stops within the grace period of {grace}s is not known: nobody says how long its preStop command takes"
    )
    return Answer(rule=SHORT, level=Level.UNKNOWN, statement=said)


def _hook_ms(hook: Mapping[str, Any]) -> int | None:
    """0 without a hook, and for one that asks over the network; None for a command that does not say how long it sleeps."""
    sleep = mapping(hook.get("sleep")).get("seconds")
    if isinstance(sleep, int):
        return sleep * 1000
    command = [str(word) for word in items(mapping(hook.get("exec")).get("command"))]
    if not command:
        return 0
    slept = _SLEEP.findall(" ".join(command))
    return round(sum(float(n) * _UNITS[unit] for n, unit in slept) * 1000) if slept else None


def _killed(pod: Mapping[str, Any], end: _End, grace_s: int) -> bool | None:
    """One pod of that container alone, started and deleted: whether SIGKILL ended it. None when it could not be played.

    Where nobody says how long stopping takes it is to have more than the two seconds that are always left.
    """
    stop_ms = MARGIN_S * 1000 if end.stop_ms is None else end.stop_ms
    manners = ImageBehaviour(start_ms=0, pre_stop_ms=end.hook_ms, termination_ms=stop_ms)
    cluster = Cluster(behaviour=Behaviour(images=FrozenMap({end.image: manners})))
    cluster.add_node({"metadata": {"name": "n1"}, "status": {"capacity": {"cpu": "8", "memory": "8Gi", "pods": "10"}}})
    container = {"name": "c", "image": end.image, "lifecycle": {"preStop": {"exec": {"command": ["hook"]}}}}
    spec = {"containers": [container], "terminationGracePeriodSeconds": grace_s}
    try:
        cluster.create({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec})
        cluster.run_for(1_000)
        cluster.delete("Pod", "p")
    except ApiError:
        return None
    cluster.run_for((grace_s + 60) * 1000)
    codes = [
        mapping(s.state.get("terminated")).get("exitCode")
        for e in cluster.trace
        if isinstance(e.after, Pod)
        for s in e.after.status.container_statuses
    ]
    return 137 in codes if any(c is not None for c in codes) else None
