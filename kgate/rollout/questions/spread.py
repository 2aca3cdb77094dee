"""Whether pods are spread as their topologySpreadConstraints ask when the rollout is over.

While it lasts the old ReplicaSet's pods count as well; when they are gone the new ones may be left in unequal numbers
(pkg/scheduler/framework/plugins/podtopologyspread), and nobody moves a pod that runs. matchLabelKeys keeps revisions apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from kgate.engine.api.core import TopologySpreadConstraint
from kgate.engine.controllers.deployment.revisions import HASH
from kgate.finding import Rule, Severity, Stage
from kgate.manifest import Path
from kgate.rollout.counterexample import ending
from kgate.rollout.questions.evidence import Answer, Edit, Evidence, Level, verified
from kgate.rollout.questions.places import domains, open_nodes, selected, word

SKEWED = Rule(
    id="KG5112",
    name="spread-skewed-after-rollout",
    stage=Stage.ROLLOUT,
    severity=Severity.WARNING,
    summary="after the rollout the pods are spread less evenly than their constraint asks",
    why="Constraints count old pods too while they are replaced, and are not looked at again once a pod runs.",
    remediation="add matchLabelKeys: [pod-template-hash] to the constraint, so that only pods of the same revision count",
    references=("https://kubernetes.io/docs/concepts/scheduling-eviction/topology-spread-constraints/#spread-constraint-definition",),
)

_SPREAD: Path = ("spec", "template", "spec", "topologySpreadConstraints")


def skewed(evidence: Evidence) -> Iterator[Answer]:
    """Of every constraint of the template, on a cluster that somebody described."""
    if evidence.assumed_cluster or evidence.rehearsal.completed_ms is None:
        return
    for i, constraint in enumerate(_constraints(evidence)):
        yield from _answer(evidence, i, constraint)


def _constraints(evidence: Evidence) -> Sequence[TopologySpreadConstraint]:
    last = evidence.followed.last
    return last.spec.template.spec.topology_spread_constraints if last is not None else ()


def _answer(evidence: Evidence, i: int, c: TopologySpreadConstraint) -> Iterator[Answer]:
    counts = _counts(evidence, c)
    if len(counts) < 2:
        known = domains(open_nodes(evidence), c.topology_key)
        if not known:
            said = f"no node that is open to the pods has the label {c.topology_key}: there is nothing to spread over"
            yield Answer(rule=SKEWED, level=Level.UNKNOWN, statement=said)
        return
    skew = max(counts.values()) - min(counts.values())
    where = (
        ", ".join(f"{name} {n}" for name, n in counts.items()) if len(counts) <= 9 else f"{min(counts.values())} to {max(counts.values())}"
    )
    if skew <= c.max_skew:
        said = f"spread over {len(counts)} {word(c.topology_key, 2)} with skew {skew} (maxSkew {c.max_skew}): {where}"
        yield Answer(rule=SKEWED, level=Level.PASSES, statement=said)
        return
    said = f"the pods end with skew {skew} over {word(c.topology_key, 2)}, and maxSkew is {c.max_skew}: {where}"
    text, edits = _way_out(evidence, i, c)
    yield Answer(
        rule=SKEWED,
        level=Level.CAN_FAIL,
        statement=said,
        path=(*_SPREAD, i),
        fix=text,
        verified=bool(edits),
        edits=edits,
        counter_example=ending(evidence, said),
    )


def _counts(evidence: Evidence, c: TopologySpreadConstraint) -> Mapping[str, int]:
    return selected(evidence, c.label_selector, open_nodes(evidence), c.topology_key)


def _way_out(evidence: Evidence, i: int, c: TopologySpreadConstraint) -> tuple[str, Sequence[Edit]]:
    """The smallest change that was played and does it."""

    def even(e: Evidence) -> bool:
        counts = _counts(e, c)
        return e.rehearsal.completed_ms is not None and max(counts.values()) - min(counts.values()) <= c.max_skew

    apart = Edit(path=(*_SPREAD, i, "matchLabelKeys"), value=[*c.match_label_keys, HASH])
    hard = Edit(path=(*_SPREAD, i, "whenUnsatisfiable"), value="DoNotSchedule")
    ways = [(f"add matchLabelKeys: [{HASH}] to the constraint", [apart])] if HASH not in c.match_label_keys else []
    if c.when_unsatisfiable != "DoNotSchedule":
        keys = [edit for _, edits in ways for edit in edits]
        ways.append(("set whenUnsatisfiable to DoNotSchedule" + (f", with matchLabelKeys: [{HASH}]" if keys else ""), [*keys, hard]))
    for text, edits in ways:
        if verified(evidence, edits, even):
            return text, edits
    return ways[0][0] if ways else "make room where the fewest pods are", ()
