"""`replicas` in the files of a Deployment whose size an autoscaler sets.

Source: staging/src/k8s.io/apimachinery/pkg/util/managedfields: who applies a field owns it, and who stops applying it removes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kgate.engine import ApiError
from kgate.engine.api.apps import Deployment
from kgate.finding import Rule, Severity, Stage
from kgate.rollout.questions.autoscalers import DOCS, Autoscaler, after, autoscalers, deployment, scaled, too_many
from kgate.rollout.questions.evidence import Answer, Edit, Evidence, Level, edited
from kgate.rollout.written import mapping

AGAINST = Rule(
    id="KG5144",
    name="replicas-against-autoscaler",
    stage=Stage.ROLLOUT,
    severity=Severity.WARNING,
    summary="each time it is applied, replicas in the files undo what the autoscaler did",
    why="A Deployment under load falls to the number in the files at once, and its autoscaler needs several looks to raise it again.",
    remediation="leave spec.replicas out of the files",
    references=(f"{DOCS}#migrating-deployments-and-statefulsets-to-horizontal-autoscaling",),
)

_REPLICAS = ("spec", "replicas")
_SHOWN = 30
"""The size under load that is played, where the autoscaler may go higher still."""


def against(evidence: Evidence) -> Iterator[Answer]:
    """With replicas: the files are applied once more under load. Without: whether taking them out was the fall."""
    found = autoscalers(evidence)
    if not found:
        return
    written = mapping(evidence.manifest.body.get("spec")).get("replicas")
    if written is None:
        yield from _taken_out(evidence)
    elif isinstance(written, int) and written < found[0].most:
        if (unknown := too_many(evidence, AGAINST)) is not None:
            yield unknown
        else:
            yield from _written(evidence, found[0], written)


def _written(evidence: Evidence, scaler: Autoscaler, written: int) -> Iterator[Answer]:
    load = min(scaler.most, max(scaler.least, written + 1, min(2 * written, _SHOWN)))
    fallen = _applied_under_load(evidence, evidence.manifest.body, load)
    if fallen is None or fallen >= load:
        return
    free = _applied_under_load(evidence, edited(evidence.manifest.body, [Edit(path=_REPLICAS, value=None)]), load)
    below = fallen < scaler.least
    name = f"HorizontalPodAutoscaler {scaler.manifest.name}"
    yield Answer(
        rule=AGAINST,
        level=Level.FAILS if below else Level.CAN_FAIL,
        statement=f"applied while {name} runs {load} replicas, the Deployment falls to {fallen} at once"
        + (f", below the minimum of {scaler.least}" if below else f"; the autoscaler may go up to {scaler.most}"),
        bounds="until the autoscaler has looked again, every 15s, and new pods are ready",
        path=_REPLICAS,
        fix="remove spec.replicas, once the autoscaler has set it",
        verified=free == load,
    )


def _applied_under_load(evidence: Evidence, body: Mapping[str, object], load: int) -> int | None:
    """The replicas that are asked for right after the files were applied; None when they are refused."""
    cluster = after(evidence)
    scaled(cluster, evidence.key, load)
    begin = len(cluster.trace)
    try:
        cluster.apply(body)
    except ApiError:
        return None
    asked = [e.after.spec.replicas for e in list(cluster.trace)[begin:] if e.key == evidence.key and isinstance(e.after, Deployment)]
    now = deployment(cluster, evidence.key)
    return min(asked, default=now.spec.replicas if now is not None else load)


def _taken_out(evidence: Evidence) -> Iterator[Answer]:
    """What nobody else owns goes back to its default, which is 1."""
    before = mapping(evidence.before.body.get("spec")).get("replicas") if evidence.before is not None else None
    if not isinstance(before, int):
        return
    played = evidence.rolled.played
    events = (e.after for e in played.events[played.begin :] if e.key == evidence.key)
    lowest = min((d.spec.replicas for d in events if isinstance(d, Deployment)), default=before)
    if lowest < before:
        yield Answer(
            rule=AGAINST,
            level=Level.CAN_FAIL,
            statement=f"without spec.replicas the Deployment falls from {before} to {lowest} until the autoscaler raises it: "
            "nobody else had set them",
            bounds="unless the autoscaler has changed the replicas before",
            path=("spec",),
            key=True,
            fix="keep spec.replicas until the autoscaler has set them once, and remove them then",
        )
