from __future__ import annotations

import yaml

from kgate.rollout import simulate
from tests.rollout.questions.conftest import Ask, deployment

PREFERS = (
    "affinity: {nodeAffinity: {preferredDuringSchedulingIgnoredDuringExecution: "
    "[{weight: 100, preference: {matchExpressions: [{key: %s, operator: In, values: [%s]}]}}]}}"
)
ONE_NODE = PREFERS % ("kubernetes.io/hostname", "a-1")
ONE_ZONE = PREFERS % ("topology.kubernetes.io/zone", "a")
SELECTED = "nodeSelector: {topology.kubernetes.io/zone: a}"


def test_all_pods_on_one_node_of_several_is_a_risk_with_the_spread_that_ends_it(ask: Ask) -> None:
    asked = ask(deployment("web:2", replicas=2, pod=ONE_NODE), deployment(replicas=2, pod=ONE_NODE))
    proof = asked.proof("all-in-one-zone")
    assert proof is not None
    assert (proof.level, proof.verified) == ("can-fail", True)
    assert "apply" in proof.counter_example
    assert proof.statement == "all 2 pods end on node a-1, though 4 are open to them"
    assert proof.fix.startswith("prefer a spread over nodes and zones")
    assert asked.found("all-in-one-zone") == ("head.yaml", 9)


def test_all_pods_in_one_zone_of_several_is_a_risk(ask: Ask) -> None:
    proof = ask(deployment("web:2", pod=ONE_ZONE), deployment(pod=ONE_ZONE)).proof("all-in-one-zone")
    assert proof is not None
    assert (proof.level, proof.verified) == ("can-fail", True)
    assert "apply" in proof.counter_example
    assert proof.statement == "all 4 pods end in zone a, though 2 are open to them"


def test_with_the_spread_that_was_proposed_there_is_no_such_risk(ask: Ask) -> None:
    spread = (
        "topologySpreadConstraints: [{maxSkew: 1, topologyKey: topology.kubernetes.io/zone, whenUnsatisfiable: DoNotSchedule, "
        "labelSelector: {matchLabels: {app: web}}, matchLabelKeys: [pod-template-hash]}]"
    )
    pod = f"{ONE_ZONE}\n{spread}"
    assert ask(deployment("web:2", pod=pod), deployment(pod=pod)).level("all-in-one-zone") == ""


def test_pods_that_may_run_nowhere_else_are_where_they_were_meant_to_be(ask: Ask) -> None:
    assert ask(deployment("web:2", pod=SELECTED), deployment(pod=SELECTED)).level("all-in-one-zone") == ""


def test_one_pod_is_always_in_one_place(ask: Ask) -> None:
    assert ask(deployment("web:2", replicas=1), deployment(replicas=1)).level("all-in-one-zone") == ""


def test_an_assumed_cluster_proves_nothing_about_places(ask: Ask) -> None:
    asked = ask(deployment("web:2", replicas=2, pod=PREFERS % ("kubernetes.io/hostname", "n1")), nodes=None)
    assert asked.level("all-in-one-zone") == ""


# Two pods on the emptiest nodes: which of several equally empty ones it is, the scheduler may choose.
APART = "topologySpreadConstraints: [{maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: ScheduleAnyway, %s}]"
BY_HOST = APART % "labelSelector: {matchLabels: {app: web}}"
CPU = "resources: {requests: {cpu: 500m}}"


def test_ties_that_could_put_all_pods_into_one_zone_are_found_with_the_schedule_that_does(ask: Ask) -> None:
    asked = ask(deployment(replicas=2, pod=BY_HOST, container=CPU))
    proof = asked.proof("all-in-one-zone")
    assert proof is not None
    assert (proof.level, proof.verified) == ("can-fail", True)
    assert proof.statement == "when the scheduler breaks ties differently, all 2 pods end in zone a"
    assert proof.evidence == ("tie 1 for node a-2",)
    assert asked.found("all-in-one-zone") == ("head.yaml", 10)
    assert {p.zone for p in asked.rehearsal.placement if p.pods_end} == {"a", "b"}  # not in the nominal schedule


def test_the_schedule_replays_to_one_zone(ask: Ask) -> None:
    proof = ask(deployment(replicas=2, pod=BY_HOST, container=CPU)).proof("all-in-one-zone")
    assert proof is not None
    (played,) = simulate([("one.yaml", yaml.safe_load(proof.counter_example))])
    assert played.recording is not None
    assert set(played.recording["final"]["distribution"]["web"]) == {"a-1", "a-2"}


def test_a_required_spread_leaves_no_such_tie(ask: Ask) -> None:
    zones = BY_HOST[:-1] + (
        ", {maxSkew: 1, topologyKey: topology.kubernetes.io/zone, whenUnsatisfiable: DoNotSchedule, "
        "labelSelector: {matchLabels: {app: web}}}]"
    )
    assert ask(deployment(replicas=2, pod=zones, container=CPU)).level("all-in-one-zone") == ""


def test_without_a_budget_ties_are_not_searched(ask: Ask) -> None:
    assert ask(deployment(replicas=2, pod=BY_HOST, container=CPU), budget=0).level("all-in-one-zone") == ""
    assert ask(deployment(replicas=2, pod=BY_HOST, container=CPU), nodes=None).level("all-in-one-zone") == ""
