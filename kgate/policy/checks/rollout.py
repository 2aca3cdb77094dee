"""What a rolling update cannot get right, told from the manifest alone. The engine tells the rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kgate.edit import Edit
from kgate.finding import Severity
from kgate.manifest import Manifest
from kgate.policy.amount import amount, is_percent
from kgate.policy.context import Context
from kgate.policy.nodes import mapping, text, whole
from kgate.policy.policy import Violation
from kgate.policy.subjects import Container, Role, containers_of, pod_of

_STRATEGY = ("spec", "strategy")
_DEFAULT_AMOUNT = "25%"
_DEFAULT_DEADLINE_S = 600
_SLACK_S = 60
"""What a fix adds to the time that the probes allow."""


def max_unavailable_all(manifest: Manifest, context: Context) -> Iterator[Violation]:
    """pkg/controller/deployment/util, ResolveFenceposts: surge is rounded up, unavailable down, and 0 and 0 become 0 and 1."""
    rolling = mapping(manifest.body, *_STRATEGY, "rollingUpdate")
    written = rolling.get("maxUnavailable", _DEFAULT_AMOUNT)
    replicas = _replicas_at_most(manifest, context)
    if text(manifest.body, *_STRATEGY, "type") not in ("", "RollingUpdate") or not rolling or replicas == 0:
        return
    if is_percent(written) and int(written[:-1]) >= 100:
        yield _all_at_once(manifest, f"maxUnavailable is {written}", "maxUnavailable", single=replicas == 1)
    elif replicas is not None:
        surge = amount(rolling.get("maxSurge", _DEFAULT_AMOUNT), replicas, up=True)
        unavailable = amount(written, replicas, up=False)
        if surge == 0 and unavailable == 0:
            if replicas == 1:
                yield _all_at_once(manifest, "with maxSurge 0 the only pod goes before its successor comes", "maxSurge", single=True)
        elif unavailable is not None and unavailable >= replicas:
            yield _all_at_once(manifest, f"maxUnavailable is {written} of {replicas}", "maxUnavailable", single=replicas == 1)


def deadline_too_short(manifest: Manifest, context: Context) -> Iterator[Violation]:
    """A pod that becomes ready is progress (pkg/controller/deployment/util, DeploymentProgressing), so minReadySeconds does not add up."""
    pod, written = pod_of(manifest), whole(manifest.body, "spec", "progressDeadlineSeconds")
    deadline = _DEFAULT_DEADLINE_S if written is None else written
    containers = containers_of(pod) if pod is not None else ()
    for container in containers:
        allowed = _seconds_to_ready(container) if container.role in (Role.REGULAR, Role.SIDECAR) else 0
        if allowed > deadline > 0:
            says = (
                f"{container} may take {allowed} seconds to become ready by its probes, "
                f"but after {deadline} seconds without progress the rollout has failed"
            )
            enough = Edit(path=("spec", "progressDeadlineSeconds"), value=max(allowed, _longest(manifest)) + _SLACK_S)
            yield Violation(manifest=manifest, path=("spec", "progressDeadlineSeconds"), message=says, edits=(enough,))
            return


def _all_at_once(manifest: Manifest, because: str, field: str, *, single: bool) -> Violation:
    says = f"{manifest.kind} {manifest.name} may have no pod at all in the middle of a rollout: {because}"
    rolling = (*_STRATEGY, "rollingUpdate")
    edits = [] if field == "maxSurge" else [Edit(path=(*rolling, "maxUnavailable"), value=0)]
    if field == "maxSurge" or amount(mapping(manifest.body, *rolling).get("maxSurge", _DEFAULT_AMOUNT), 100, up=True) == 0:
        edits.append(Edit(path=(*rolling, "maxSurge"), value=1))  # the API server refuses 0 and 0
    grave = Severity.WARNING if single else None  # the only pod goes with any drain, too
    return Violation(manifest=manifest, path=(*rolling, field), message=says, edits=tuple(edits), severity=grave)


def _longest(manifest: Manifest) -> int:
    pod = pod_of(manifest)
    return max((_seconds_to_ready(c) for c in containers_of(pod) if c.role in (Role.REGULAR, Role.SIDECAR)), default=0) if pod else 0


def _replicas_at_most(manifest: Manifest, context: Context) -> int | None:
    """The most there can be by what is written; None when an autoscaler that is not here may decide."""
    autoscaler = context.inventory.autoscaler_of(manifest)
    if autoscaler is not None:
        return whole(autoscaler.body, "spec", "maxReplicas")
    return whole(manifest.body, "spec", "replicas")


def _seconds_to_ready(container: Container) -> int:
    """How long the container's probes let it start: the whole budget of its startup probe, the delay of its readiness probe."""
    startup, readiness = mapping(container.body, "startupProbe"), mapping(container.body, "readinessProbe")
    budget = _number(startup, "initialDelaySeconds", 0) + _number(startup, "failureThreshold", 3) * _number(startup, "periodSeconds", 10)
    return max(budget if startup else 0, _number(readiness, "initialDelaySeconds", 0))


def _number(probe: Mapping[str, Any], field: str, default: int) -> int:
    """pkg/apis/core/v1/defaults.go, SetDefaults_Probe: 0 means the default, too."""
    return whole(probe, field) or default
