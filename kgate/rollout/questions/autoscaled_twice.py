"""Two autoscalers that steer by the same metric, one by the number of pods and one by their size."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kgate.finding import Rule, Severity, Stage
from kgate.manifest import Manifest
from kgate.rollout.questions.autoscalers import Autoscaler, autoscalers
from kgate.rollout.questions.evidence import Answer, Evidence, Level
from kgate.rollout.written import items, mapping

FIGHT = Rule(
    id="KG5148",
    name="autoscalers-fight",
    stage=Stage.ROLLOUT,
    severity=Severity.WARNING,
    summary="a horizontal and a vertical autoscaler steer by the same metric",
    why="More pods use less each, so the vertical one lowers their requests, so their utilization rises, so the horizontal one adds pods.",
    remediation="let the vertical autoscaler control another resource, or only recommend (updateMode Off)",
    references=("https://github.com/kubernetes/autoscaler/blob/master/vertical-pod-autoscaler/docs/known-limitations.md",),
)

_BOTH = ("cpu", "memory")


def fight(evidence: Evidence) -> Iterator[Answer]:
    """Only usage in percent of requests, or per pod, is moved by the size of the pods."""
    for vertical in _verticals(evidence):
        controlled = _controlled(vertical)
        for scaler in autoscalers(evidence)[:1]:
            both = [r for r in _measured(scaler) if r in controlled]
            if both:
                yield _answer(vertical, scaler, both)


def _answer(vertical: Manifest, scaler: Autoscaler, both: list[str]) -> Answer:
    what = " and ".join(both)
    others = [r for r in _BOTH if r not in both]
    return Answer(
        rule=FIGHT,
        level=Level.CAN_FAIL,
        statement=f"VerticalPodAutoscaler {vertical.name} sets the {what} requests that HorizontalPodAutoscaler {scaler.manifest.name} "
        f"measures {what} usage against",
        bounds="as soon as the usage changes",
        path=("spec", "updatePolicy", "updateMode"),
        where=vertical,
        fix="set spec.updatePolicy.updateMode to Off"
        + (f", or controlledResources of spec.resourcePolicy to [{', '.join(others)}]" if others else ""),
    )


def _verticals(evidence: Evidence) -> Iterator[Manifest]:
    """Those that change pods of the Deployment."""
    for manifest in evidence.neighbours:
        if manifest.kind != "VerticalPodAutoscaler":
            continue
        spec = mapping(manifest.body.get("spec"))
        target = mapping(spec.get("targetRef"))
        if (target.get("kind"), target.get("name")) != ("Deployment", evidence.key.name):
            continue
        if mapping(spec.get("updatePolicy")).get("updateMode") not in ("Off", False):  # YAML 1.1 reads a bare Off as no
            yield manifest


def _controlled(vertical: Manifest) -> list[str]:
    """Resources that it sets in some container; both, unless a policy says less."""
    policies = items(mapping(mapping(vertical.body.get("spec")).get("resourcePolicy")).get("containerPolicies"))
    everywhere = [p for p in map(mapping, policies) if p.get("containerName") == "*"] or [{}]
    sets = [_of(p) for p in (*everywhere, *(mapping(p) for p in policies if mapping(p).get("containerName") != "*"))]
    return [r for r in _BOTH if any(r in found for found in sets)]


def _of(policy: Mapping[str, Any]) -> list[str]:
    if policy.get("mode") in ("Off", False):
        return []
    return [str(r) for r in items(policy.get("controlledResources"))] or list(_BOTH)


def _measured(scaler: Autoscaler) -> list[str]:
    sources = (m.resource or m.container_resource for m in scaler.stored.spec.metrics)
    return list(dict.fromkeys(s.name for s in sources if s is not None and s.target.type == "Utilization"))
