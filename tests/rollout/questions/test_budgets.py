from __future__ import annotations

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from kgate.engine import Behaviour, Cluster
from kgate.engine.api.policy import PodDisruptionBudget
from kgate.rollout.questions.budgets import needed
from tests.rollout.questions.conftest import Ask, deployment


def budget(rule: str, *, name: str = "web", selector: str = "{matchLabels: {app: web}}") -> str:
    meta = f"{{name: {name}, namespace: prod}}"
    return f"---\napiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {meta}\nspec:\n  {rule}\n  selector: {selector}\n"


HEAD = deployment("web:2")
LINE = HEAD.count("\n") + 6


@pytest.mark.parametrize(
    "rule", ["maxUnavailable: 0", "maxUnavailable: 0%", "minAvailable: 4", "minAvailable: 5", "minAvailable: 100%", "minAvailable: 76%"]
)
def test_a_budget_that_never_allows_a_disruption_blocks_every_drain(ask: Ask, rule: str) -> None:
    asked = ask(HEAD + budget(rule), deployment())
    proof = asked.proof("drain-blocked")
    assert proof is not None
    assert (proof.level, proof.verified) == ("fails", True)
    assert proof.evidence[0] == "Cannot evict pod as it would violate the pod's disruption budget."
    assert asked.found("drain-blocked") == ("head.yaml", LINE)
    assert asked.rehearsal.verdict == "fail"


def test_the_finding_says_how_many_pods_the_budget_needs(ask: Ask) -> None:
    proof = ask(HEAD + budget("minAvailable: 4"), nodes=None).proof("drain-blocked")
    assert proof is not None
    assert "PodDisruptionBudget web needs 4 healthy pods and there are never more than 4" in proof.statement
    assert proof.fix == "set spec.maxUnavailable to 1 instead of minAvailable"


def test_of_one_replica_none_can_be_spared(ask: Ask) -> None:
    proof = ask(deployment(replicas=1) + budget("minAvailable: 1")).proof("drain-blocked")
    assert proof is not None
    assert proof.fix.endswith("or run 2 replicas or more")
    assert proof.verified


@pytest.mark.parametrize("rule", ["maxUnavailable: 1", "maxUnavailable: 1%", "minAvailable: 3", "minAvailable: 75%", "minAvailable: 0"])
def test_one_disruption_at_a_time_is_enough(ask: Ask, rule: str) -> None:
    assert ask(HEAD + budget(rule), deployment()).level("drain-blocked") == ""


def test_a_budget_of_another_application_does_not_matter(ask: Ask) -> None:
    assert ask(HEAD + budget("maxUnavailable: 0", selector="{matchLabels: {app: other}}")).level("drain-blocked") == ""


def test_pods_that_are_rehearsed_apart_leave_a_number_of_pods_unknown(ask: Ask) -> None:
    """Alone on the assumed cluster neither has three pods; together they have six."""
    both = deployment(replicas=2) + "---\n" + deployment(name="api", replicas=4).replace("{app: api}", "{app: api, tier: front}")
    both = both.replace("{matchLabels: {app: api, tier: front}}", "{matchLabels: {app: api}}").replace(
        "labels: {app: web}}", "labels: {app: web, tier: front}}"
    )
    tier = budget("minAvailable: 3", selector="{matchLabels: {tier: front}}")
    assert ask(both + tier, nodes=None).level("drain-blocked") == "unknown"
    assert ask(both + tier).level("drain-blocked") == ""
    assert ask(both + tier.replace("minAvailable: 3", "maxUnavailable: 0"), nodes=None).level("drain-blocked") == "fails"


def test_a_budget_over_two_deployments_is_told_of_once(ask: Ask) -> None:
    both = HEAD + "---\n" + deployment(name="api")
    all_pods = budget("maxUnavailable: 0", selector="{}")
    assert ask(both + all_pods).level("drain-blocked") == "fails"
    assert ask(both + all_pods, name="api").level("drain-blocked") == ""


FULL = "nodes: [{prefix: n-, count: 2, cpu: 2, memory: 8Gi}]"
LARGE = "resources: {requests: {cpu: 900m}}"


def test_a_drain_can_wait_for_a_replacement_that_fits_nowhere(ask: Ask) -> None:
    asked = ask(
        deployment("web:2", spec="strategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 1}}", container=LARGE)
        + budget("maxUnavailable: 1"),
        nodes=FULL,
    )
    proof = asked.proof("drain-blocked")
    assert proof is not None
    assert proof.level == "can-fail"
    assert "draining node n-1 never ends" in proof.statement
    assert proof.evidence[-1].startswith("The disruption budget web needs 3 healthy pods and has 3 currently")


def test_with_room_on_a_third_node_it_ends(ask: Ask) -> None:
    asked = ask(deployment("web:2", container=LARGE) + budget("maxUnavailable: 1"), nodes=FULL.replace("count: 2", "count: 3"))
    assert asked.level("drain-blocked") == ""


def test_two_budgets_over_the_same_pods_are_an_error_of_every_eviction(ask: Ask) -> None:
    asked = ask(HEAD + budget("maxUnavailable: 1") + budget("minAvailable: 1", name="more", selector="{}"), nodes=None)
    proof = asked.proof("two-budgets")
    assert proof is not None
    assert (proof.level, proof.verified) == ("fails", True)
    assert proof.evidence == ("This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",)
    assert asked.found("two-budgets") == ("head.yaml", LINE + 1 + budget("").count("\n"))
    assert asked.level("drain-blocked") == ""


def test_two_budgets_over_different_pods_are_none_of_it(ask: Ask) -> None:
    other = budget("minAvailable: 1", name="more", selector="{matchLabels: {app: api}}")
    assert ask(HEAD + budget("maxUnavailable: 1") + other).level("two-budgets") == ""


@settings(max_examples=60, deadline=None)
@given(
    replicas=st.integers(1, 6),
    field=st.sampled_from(["minAvailable", "maxUnavailable"]),
    amount=st.one_of(st.integers(0, 7), st.integers(0, 100).map(lambda n: f"{n}%")),
)
@pytest.mark.slow
def test_the_arithmetic_agrees_with_a_drain_that_is_played(replicas: int, field: str, amount: int | str) -> None:
    """On a cluster with room for everybody a drain ends, or it is blocked by what the budget asks for."""
    cluster = Cluster(behaviour=Behaviour(startup_ms=100, termination_ms=100))
    for name in ("n1", "n2", "n3"):
        cluster.add_node({"metadata": {"name": name}, "status": {"capacity": {"cpu": "64", "memory": "64Gi", "pods": "110"}}})
    stored = cluster.apply(yaml.safe_load(budget(f"{field}: {amount}").removeprefix("---\n")))
    cluster.apply(yaml.safe_load(deployment(replicas=replicas)))
    cluster.run_for(5_000)
    node = cluster.list("Pod", "prod")[0]["spec"]["nodeName"]
    drained = cluster.drain(node)
    spec = cluster.store.get(PodDisruptionBudget, "prod", stored["metadata"]["name"])
    assert spec is not None
    assert bool(drained.blocked) is (needed(spec, replicas) >= replicas)
