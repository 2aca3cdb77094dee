"""Autoscalers that measure usage against requests which a container does not have (replica_calculator.go:calculatePodRequests)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from kgate.engine import ApiError, Cluster
from kgate.engine.api.autoscaling import HorizontalPodAutoscaler
from kgate.engine.api.meta import FrozenMap, condition
from kgate.finding import Rule, Severity, Stage
from kgate.rollout.questions.autoscalers import DOCS, Autoscaler, after, autoscalers, deployment, is_complete
from kgate.rollout.questions.budgets import a_running_pod
from kgate.rollout.questions.evidence import Answer, Edit, Evidence, Level, edited

WITHOUT = Rule(
    id="KG5146",
    name="autoscaler-without-requests",
    stage=Stage.ROLLOUT,
    severity=Severity.WARNING,
    summary="an autoscaler measures usage against requests that a container does not have",
    why="Utilization is usage in percent of the requests of all containers; with one of them unknown the autoscaler never scales.",
    remediation="set resources.requests in every container",
    references=(f"{DOCS}#support-for-resource-metrics",),
)

_LOOKS_MS = 31_000
"""Two of its looks, fifteen seconds apart."""
_MISSING = "missing request for "
_LIMIT_MS = 3_600_000
_PODS = ("spec", "template", "spec", "containers")
_USUAL = {"cpu": "100m", "memory": "128Mi"}


def without(evidence: Evidence) -> Iterator[Answer]:
    """Requests that a limit or a LimitRange implies count: the pods of the cluster are looked at, not the template."""
    for scaler in autoscalers(evidence)[:1]:
        missing = _missing(evidence, scaler)
        if not missing:
            continue
        said = _looks(after(evidence), evidence, scaler)
        if _MISSING not in said:
            continue
        index, name, resource = missing[0]
        yield Answer(
            rule=WITHOUT,
            level=Level.FAILS,
            statement=f"HorizontalPodAutoscaler {scaler.manifest.name} never scales: container {name} has no request for {resource}",
            bounds="any cluster",
            evidence=(said,),
            path=(*_PODS, index, "resources"),
            key=True,
            fix="set " + " and ".join(f"resources.requests.{r} of container {n}" for _, n, r in missing),
            verified=_cured(evidence, scaler, missing),
        )


def _missing(evidence: Evidence, scaler: Autoscaler) -> list[tuple[int, str, str]]:
    """Index and name of a container, and what it does not request although its utilization is measured."""
    pod = a_running_pod(evidence.rolled.played.cluster, evidence)
    if pod is None:
        return []
    asked = list(dict.fromkeys(_measured(scaler)))
    containers = list(enumerate(pod.spec.containers))
    return [(i, c.name, r) for r, only in asked for i, c in containers if only in ("", c.name) and r not in c.resources.requests]


def _measured(scaler: Autoscaler) -> Iterator[tuple[str, str]]:
    """Resource and container (empty: all) of every target that is a percentage."""
    for metric in scaler.stored.spec.metrics:
        source = metric.resource or metric.container_resource
        if source is not None and source.target.type == "Utilization":
            yield source.name, source.container


def _looks(cluster: Cluster, evidence: Evidence, scaler: Autoscaler) -> str:
    """What the autoscaler says once metrics are served; empty when it scales."""
    d = deployment(cluster, evidence.key)
    if d is None or d.spec.selector is None:
        return ""
    usage = FrozenMap(cpu=1, memory=1_000_000)
    names = [c.name for c in (*d.spec.template.spec.containers, *d.spec.template.spec.init_containers)]
    cluster.metrics.of_pods(evidence.key.namespace, d.spec.selector, dict.fromkeys(names, usage))
    cluster.run_for(_LOOKS_MS)
    hpa = cluster.store.get(HorizontalPodAutoscaler, evidence.key.namespace, scaler.manifest.name)
    active = condition(hpa.status.conditions, "ScalingActive") if hpa is not None else None
    return active.message if active is not None and active.status != "True" else ""


def _cured(evidence: Evidence, scaler: Autoscaler, missing: Sequence[tuple[int, str, str]]) -> bool:
    """With usual requests the autoscaler can count."""
    edits: list[Any] = [Edit(path=(*_PODS, i, "resources", "requests", r), value=_USUAL.get(r, "1")) for i, _, r in missing]
    cluster = after(evidence)
    try:
        cluster.apply(edited(evidence.manifest.body, edits))
    except ApiError:
        return False
    done = cluster.run_until(lambda: is_complete(cluster, evidence.key), cluster.now_ms + _LIMIT_MS)
    return done and _looks(cluster, evidence, scaler) == ""
