"""Whether all pods end on one node or in one zone, though they could be in several."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kgate.engine.api.core import Node
from kgate.finding import Rule, Severity, Stage
from kgate.manifest import Path
from kgate.rollout.counterexample import ending
from kgate.rollout.nodes import HOSTNAME, ZONE
from kgate.rollout.questions import tied
from kgate.rollout.questions.evidence import Answer, Edit, Evidence, Level, verified
from kgate.rollout.questions.places import domains, open_nodes, word
from kgate.rollout.written import items, mapping, node

ONE_PLACE = Rule(
    id="KG5113",
    name="all-in-one-zone",
    stage=Stage.ROLLOUT,
    severity=Severity.WARNING,
    summary="all pods end on one node or in one zone, though several are open to them",
    why="The scheduler prefers to spread pods, but other preferences and free room can outweigh that; what hits that place hits all.",
    remediation="require or prefer a spread over zones and nodes with topologySpreadConstraints",
    references=("https://kubernetes.io/docs/concepts/scheduling-eviction/topology-spread-constraints/",),
)

_POD: Path = ("spec", "template", "spec")
_SPREAD: Path = (*_POD, "topologySpreadConstraints")


def all_in_one(evidence: Evidence) -> Iterator[Answer]:
    """Of two replicas or more, on a cluster that somebody described."""
    r = evidence.rehearsal
    if evidence.assumed_cluster or r.completed_ms is None or r.replicas < 2:
        return
    key = _only(evidence)
    if not key:
        yield from tied.by_ties(evidence, ONE_PLACE)
        return
    open_ = domains(open_nodes(evidence), key)
    used = _used(evidence, key)
    said = f"all {r.replicas} pods end {_at(key)} {used[0]}, though {len(open_)} are open to them"
    text, edits = _way_out(evidence, key)
    yield Answer(
        rule=ONE_PLACE,
        level=Level.CAN_FAIL,
        statement=said,
        path=_SPREAD if node(evidence.manifest.body, _SPREAD) is not None else _POD,
        key=True,
        fix=text,
        verified=bool(edits),
        edits=edits,
        counter_example=ending(evidence, said),
    )


def _at(key: str) -> str:
    return f"{'on' if key == HOSTNAME else 'in'} {word(key)}"


def _only(evidence: Evidence) -> str:
    """The label of which all pods' nodes have the same value and others have another; the narrowest one; empty: none."""
    alone = [key for key in (HOSTNAME, ZONE) if len(_used(evidence, key)) == 1]
    nodes = open_nodes(evidence) if alone else ()
    return next((key for key in alone if len(domains(nodes, key)) > 1), "")


def _used(evidence: Evidence, key: str) -> list[str]:
    store = evidence.rolled.played.cluster.store
    nodes = (store.get(Node, "", name) for name, n in evidence.followed.end.items() if n)
    return domains((n for n in nodes if n is not None), key)


def _way_out(evidence: Evidence, key: str) -> tuple[str, Sequence[Edit]]:
    """A preference, else a requirement, if it was played and does it."""
    keys = [HOSTNAME, ZONE] if key == HOSTNAME and len(domains(open_nodes(evidence), ZONE)) > 1 else [key]
    over = " and ".join(word(k, 2) for k in keys)
    for action, verb in (("ScheduleAnyway", "prefer"), ("DoNotSchedule", "require")):
        edits = [Edit(path=_SPREAD, value=[*_written(evidence), *(_constraint(evidence, k, action) for k in keys)])]
        if verified(evidence, edits, lambda e: e.rehearsal.completed_ms is not None and not _only(e)):
            return f"{verb} a spread over {over}: topologySpreadConstraints with whenUnsatisfiable: {action}", edits
    return f"spread the pods over {over}, and make room there", ()


def _written(evidence: Evidence) -> list[object]:
    return list(items(node(evidence.manifest.body, _SPREAD)))


def _constraint(evidence: Evidence, key: str, action: str) -> dict[str, object]:
    return {
        "maxSkew": 1,
        "topologyKey": key,
        "whenUnsatisfiable": action,
        "labelSelector": dict(mapping(node(evidence.manifest.body, ("spec", "selector")))),
        "matchLabelKeys": ["pod-template-hash"],
    }
