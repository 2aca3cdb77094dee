from __future__ import annotations

from tests.rollout.questions.conftest import Ask, deployment

TWO_AT_ONCE = "strategy: {rollingUpdate: {maxUnavailable: 2}}"
ON_ONE_NODE = "nodeSelector: {kubernetes.io/hostname: a-1}"
PLAIN = {"node": 0}
ZONE = {"node": 0, "zone": 1}


def test_a_floor_that_the_strategy_does_not_keep_is_told_with_the_strategy_that_keeps_it(ask: Ask) -> None:
    asked = ask(deployment("web:2", spec=TWO_AT_ONCE), deployment(spec=TWO_AT_ONCE), floors={"prod/web": 3}, failures=PLAIN)
    proof = asked.proof("below-floor")
    assert proof is not None
    assert (proof.level, proof.verified) == ("can-fail", True)
    assert proof.statement == "2 pods of 4 are available as the rollout begins; the floor is 3"
    assert proof.fix == "set spec.strategy.rollingUpdate.maxUnavailable to 1, and maxSurge to 1 or more"
    assert asked.found("below-floor") == ("head.yaml", 6)


def test_recreate_keeps_no_floor_in_any_schedule(ask: Ask) -> None:
    recreate = "strategy: {type: Recreate}"
    asked = ask(deployment("web:2", spec=recreate), deployment(spec=recreate), floors={"*": "50%"}, failures=PLAIN)
    assert asked.level("below-floor") == "fails"


def test_more_than_there_are_replicas_needs_more_replicas(ask: Ask) -> None:
    asked = ask(deployment("web:2", replicas=3), deployment(replicas=4), floors={"*": 4}, failures=PLAIN)
    proof = asked.proof("below-floor")
    assert proof is not None
    assert (proof.fix, proof.verified) == ("run at least 4 replicas", False)


def test_the_strategys_own_floor_is_kept_and_said(ask: Ask) -> None:
    proof = ask(deployment("web:2"), deployment(), failures=PLAIN).proof("below-floor")
    assert proof is not None
    assert (proof.level, proof.statement) == ("passes", "at least 3 pods of 4 are available at every moment")


def test_the_worst_node_is_named_where_all_is_well(ask: Ask) -> None:
    proof = ask(deployment("web:2"), deployment(), floors={"*": "50%"}).proof("below-floor")
    assert proof is not None
    assert proof.level == "passes"
    assert "2 without any one node (worst: a-1 lost as the rollout begins)" in proof.statement


def test_the_loss_of_a_zone_that_takes_too_many_along_is_told(ask: Ask) -> None:
    asked = ask(deployment("web:2"), deployment(), floors={"*": 2}, failures=ZONE)
    proof = asked.proof("below-floor")
    assert proof is not None
    assert (proof.level, proof.verified) == ("can-fail", True)
    assert proof.statement == ("without zone b, lost as the rollout begins, 1 pod of 4 is available: 2 of 3 are there; the floor is 2")
    assert proof.counter_example
    assert asked.found("below-floor") == ("head.yaml", 5)


def test_all_pods_on_one_node_is_a_risk_though_nobody_named_a_floor(ask: Ask) -> None:
    asked = ask(deployment("web:2", replicas=2, pod=ON_ONE_NODE), deployment(replicas=2, pod=ON_ONE_NODE))
    proof = asked.proof("below-floor")
    assert proof is not None
    assert proof.statement.startswith("without node a-1, lost as the rollout begins, no pods of 2 are available")
    assert not proof.verified


def test_a_single_replica_is_not_expected_to_survive_its_node(ask: Ask) -> None:
    assert ask(deployment("web:2", replicas=1), deployment(replicas=1)).level("below-floor") == "passes"


def test_nobody_knows_which_pods_share_a_node_of_an_assumed_cluster(ask: Ask) -> None:
    proof = ask(deployment("web:2"), deployment(), nodes=None, floors={"*": 3}).proof("below-floor")
    assert proof is not None
    assert (proof.level, proof.statement) == ("passes", "at least 3 pods of 4 are available at every moment")


def test_what_is_new_served_nobody_before(ask: Ask) -> None:
    assert ask(deployment()).level("below-floor") == ""


def test_what_grows_is_not_below_a_floor_it_never_had(ask: Ask) -> None:
    assert ask(deployment("web:2", replicas=8), deployment(replicas=2), floors={"*": 6}, failures=PLAIN).level("below-floor") == "passes"
