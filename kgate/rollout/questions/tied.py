"""Whether all pods could end in one place, if the scheduler broke ties differently: searched for schedule by schedule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from kgate.engine import Cluster
from kgate.engine.api.apps import Deployment, ReplicaSet
from kgate.engine.api.core import Node, Pod
from kgate.engine.api.meta import Key
from kgate.engine.choices import At
from kgate.engine.errors import ApiError, LivelockError
from kgate.finding import Rule
from kgate.manifest import Path
from kgate.rollout import counterexample
from kgate.rollout.counterexample import Cut
from kgate.rollout.follow import complete
from kgate.rollout.nodes import HOSTNAME, ZONE
from kgate.rollout.questions.domains import limits
from kgate.rollout.questions.evidence import Answer, Edit, Evidence, Level
from kgate.rollout.questions.places import domains, open_nodes, word
from kgate.rollout.questions.work import MOST_TOGETHER
from kgate.rollout.search import Explored, Violation, explore
from kgate.rollout.search.change import changing, keeps
from kgate.rollout.written import items, mapping, node

MOST_REPLICAS = 6
"""With more of them there are too many schedules, and one in which all are alike is ever less likely."""
MOST_STATES = 60
"""Of one world, for all its Deployments; a part of the budget that the settings give to searching."""

_SPREAD: Path = ("spec", "template", "spec", "topologySpreadConstraints")
_LONGEST_S = 24 * 3600


class OnePlace(Struct, frozen=True, kw_only=True):
    """That not all pods of the Deployment are on nodes with one value of the label when its rollout is complete."""

    deployment: Key
    label: str

    def violated(self, cluster: Cluster) -> Violation | None:
        """On the way anything goes."""

    def at_the_end(self, cluster: Cluster) -> Violation | None:
        d = cluster.store.get(Deployment, self.deployment.namespace, self.deployment.name)
        if d is None or not complete(d):
            return None
        sets = cluster.store.owned_by(d.metadata.uid, ReplicaSet)
        pods = [p for rs in sets for p in cluster.store.owned_by(rs.metadata.uid, Pod) if p.active]
        nodes = (cluster.store.get(Node, "", p.spec.node_name) for p in pods)
        places = {n.metadata.labels.get(self.label, "") if n is not None else "" for n in nodes}
        return Violation(left=len(pods), what=word(self.label), lost=places.pop()) if len(places) == 1 and "" not in places else None


def by_ties(evidence: Evidence, rule: Rule) -> Iterator[Answer]:
    """Only where the rehearsal itself ended in several places. What the search does not get to is not told: nothing was found."""
    label = _label(evidence)
    if not label:
        return
    wanted = OnePlace(deployment=evidence.key, label=label)
    found = _explored(evidence, wanted)
    if found.violation is None or not found.schedule:
        return
    edits, fix = _way_out(evidence, label)
    done = keeps(evidence, edits, wanted) and _explored(evidence, wanted, edits).holds
    said = f"when the scheduler breaks ties differently, all {found.violation.left} pods end "
    yield Answer(
        rule=rule,
        level=Level.CAN_FAIL,
        statement=f"{said}{'on' if label == HOSTNAME else 'in'} {found.violation.what} {found.violation.lost}",
        evidence=(", ".join(f"tie {at.number} for node {taken}" for at, taken in sorted(found.schedule.items()) if at.kind == "tie"),),
        path=_SPREAD if node(evidence.manifest.body, _SPREAD) is not None else _SPREAD[:-1],
        key=True,
        fix=fix,
        verified=done,
        counter_example=_shown(evidence, found, wanted),
    )


def _label(evidence: Evidence) -> str:
    """The widest of which several values are open to the pods; empty where it is not asked."""
    few = evidence.rehearsal.replicas <= MOST_REPLICAS and evidence.crowd <= MOST_TOGETHER
    if not few or evidence.settings.budget == 0 or evidence.followed.last is None:
        return ""
    nodes = open_nodes(evidence)
    label = next((key for key in (ZONE, HOSTNAME) if len(domains(nodes, key)) > 1), "")
    apart = {limit.key for limit in limits(evidence)} | _required(evidence)
    return "" if label in apart or (HOSTNAME in apart and label == HOSTNAME) else label


def _required(evidence: Evidence) -> set[str]:
    """Labels over which pods of the Deployment must spread."""
    assert evidence.followed.last is not None
    constraints = evidence.followed.last.spec.template.spec.topology_spread_constraints
    return {c.topology_key for c in constraints if c.when_unsatisfiable == "DoNotSchedule"}


def _explored(evidence: Evidence, wanted: OnePlace, edits: Sequence[Edit] = ()) -> Explored:
    """This Deployment's change, while others rest, within its share of what is left."""
    left: int = evidence.shared.setdefault("ties", min(MOST_STATES, evidence.settings.budget))
    start = changing(evidence, (evidence.key,), edits)
    found = explore(start, wanted, left)
    evidence.shared["ties"] = max(0, left - found.spent)
    return found


def _way_out(evidence: Evidence, label: str) -> tuple[Sequence[Edit], str]:
    constraint = {
        "maxSkew": 1,
        "topologyKey": label,
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": dict(mapping(node(evidence.manifest.body, ("spec", "selector")))),
        "matchLabelKeys": ["pod-template-hash"],
    }
    written = list(items(node(evidence.manifest.body, _SPREAD)))
    edits = [Edit(path=_SPREAD, value=[*written, constraint])]
    return edits, f"require a spread over {word(label, 2)}: topologySpreadConstraints with whenUnsatisfiable: DoNotSchedule"


def _shown(evidence: Evidence, found: Explored, wanted: OnePlace) -> str:
    """The scenario with that schedule; empty when no replay ends so."""
    name = evidence.manifest.name
    assert found.violation is not None
    told = f"with ties broken so, all pods of {name} end in {found.violation.what} {found.violation.lost}"
    wait = {"wait": {"complete": [name], "allow_terminating": True}, "timeout": _LONGEST_S}
    for cut in (Cut(alone=True), Cut(resting=True)) if evidence.crowd > 1 else (Cut(resting=True),):
        body = counterexample.scenario(evidence, f"{name}-in-one-place", told, [wait], cut)
        if body is not None and _ends_so(body := _with(body, found.schedule), wanted):
            return counterexample.written(body)
    return ""


def _with(body: Mapping[str, object], schedule: Mapping[At, str]) -> dict[str, object]:
    """The schedule comes right before the change."""
    steps = list(items(body["steps"]))
    entries = [{at.kind: at.number} | {"node": taken} for at, taken in sorted(schedule.items())]
    at = next(i for i, step in enumerate(steps) if "apply" in step)
    return {**body, "steps": [*steps[:at], {"schedule": entries}, *steps[at:]]}


def _ends_so(body: Mapping[str, object], wanted: OnePlace) -> bool:
    from kgate.rollout.play import Player
    from kgate.rollout.scenario import read_scenario

    try:
        return wanted.at_the_end(Player(read_scenario(body, name="x"), None).perform()) is not None
    except (ApiError, LivelockError):
        return False
