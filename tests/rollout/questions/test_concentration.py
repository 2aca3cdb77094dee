from __future__ import annotations

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
