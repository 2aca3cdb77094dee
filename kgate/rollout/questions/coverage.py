"""PodDisruptionBudgets that protect nothing: asked once for each budget of the files, whether or not a Deployment changes."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kgate.engine.api import selector
from kgate.engine.api.codec import DecodeError, decode
from kgate.engine.api.policy import PodDisruptionBudget
from kgate.finding import Rule, Severity, Stage
from kgate.manifest import Manifest
from kgate.rollout.gathered import Gathered, pod_labels
from kgate.rollout.questions.evidence import Answer, Level
from kgate.rollout.settings import RolloutSettings

NOTHING = Rule(
    id="KG5142",
    name="budget-matches-nothing",
    stage=Stage.ROLLOUT,
    severity=Severity.WARNING,
    summary="a PodDisruptionBudget selects no pods",
    why="A budget whose selector fits no pod protects nobody, and nothing says so: a drain takes all pods of the application at once.",
    remediation="select the labels that the pod template has",
    references=("https://kubernetes.io/docs/tasks/run-application/configure-pdb/",),
)


def nothing(head: Gathered, base: Gathered, settings: RolloutSettings) -> Iterator[Answer]:
    """Only in namespaces of which the files have workloads: others may live elsewhere."""
    del settings
    for home in sorted(head.supporting):
        workloads = [m for m in head.neighbours.get(home, ()) if pod_labels(m) is not None]
        for _, manifest in head.supporting[home]:
            budget = _read(manifest) if workloads and manifest.kind == "PodDisruptionBudget" else None
            if budget is not None and not any(_selects(budget, m) for m in workloads):
                yield _answer(manifest, budget, workloads, base.neighbours.get(home, ()))


def _answer(manifest: Manifest, budget: PodDisruptionBudget, workloads: Sequence[Manifest], before: Sequence[Manifest]) -> Answer:
    lost = next((m for m in before if pod_labels(m) is not None and _selects(budget, m)), None)
    kinds = f"{len(workloads)} workload{'s' if len(workloads) > 1 else ''}"
    no_longer = "" if lost is None else f"; before this change it selected those of {lost.kind} {lost.name}"
    return Answer(
        rule=NOTHING,
        level=Level.FAILS,
        statement=f"PodDisruptionBudget {manifest.name} selects no pod of the {kinds} in its namespace{no_longer}",
        path=("spec", "selector"),
        where=manifest,
        key=True,
        fix=_instead(manifest, workloads, lost),
    )


def _instead(manifest: Manifest, workloads: Sequence[Manifest], lost: Manifest | None) -> str:
    """The labels of the workload that was meant, if one has its name or is the only one."""
    named = [m for m in workloads if m.name in (manifest.name, manifest.name.removesuffix("-pdb"), getattr(lost, "name", ""))]
    meant = named[0] if named else workloads[0] if len(workloads) == 1 else None
    if meant is None:
        return ""
    labels = ", ".join(f"{k}: {v}" for k, v in sorted(_meant(meant).items()))
    return f"select the pods of {meant.kind} {meant.name}: matchLabels {{{labels}}}"


def _meant(workload: Manifest) -> Mapping[str, Any]:
    """Its own selector, else the labels of its pods."""
    spec = workload.body.get("spec")
    own = spec.get("selector") if isinstance(spec, Mapping) else None
    wanted = own.get("matchLabels") if isinstance(own, Mapping) else None
    return wanted if isinstance(wanted, Mapping) and wanted else pod_labels(workload) or {}


def _selects(budget: PodDisruptionBudget, workload: Manifest) -> bool:
    labels = {k: v for k, v in (pod_labels(workload) or {}).items() if isinstance(v, str)}
    return selector.matches(budget.spec.selector, labels)


def _read(manifest: Manifest) -> PodDisruptionBudget | None:
    """None when it is none that the API server would take: validate has said so."""
    try:
        read = decode(copy.deepcopy(dict(manifest.body)))
    except DecodeError:
        return None
    return read if isinstance(read, PodDisruptionBudget) else None
