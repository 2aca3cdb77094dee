from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.rollout.questions.conftest import Ask, deployment

THREE = "nodes: [{prefix: n, count: 3, cpu: 4, memory: 8Gi}]"
LARGE = "resources: {requests: {cpu: 1900m}}"
ONE_GOES = "strategy: {rollingUpdate: {maxUnavailable: 1}}"
ORACLE = Path(__file__).parents[4] / "shared/bank/oracle/scenarios"


def tolerates(more: str = "") -> str:
    return f"tolerations:\n  - {{key: node.kubernetes.io/unreachable, operator: Exists, effect: NoExecute{more}}}"


def test_pods_of_a_lost_node_run_elsewhere_after_six_minutes(ask: Ask) -> None:
    proof = ask(deployment("web:2"), deployment()).proof("node-loss-replacement")
    assert proof is not None
    assert proof.level == "passes"
    assert proof.statement.startswith("if node a-1 is lost after the rollout, its pod runs elsewhere 360.1s later")
    assert "300s (tolerationSeconds)" in proof.statement


def test_shorter_tolerations_make_it_sooner(ask: Ask) -> None:
    pod = tolerates(", tolerationSeconds: 5")
    proof = ask(deployment("web:2", pod=pod), deployment(pod=pod)).proof("node-loss-replacement")
    assert proof is not None
    assert "65.1s later" in proof.statement


def test_pods_that_fit_nowhere_else_are_told_with_the_node_that_would_do(ask: Ask) -> None:
    head, base = (deployment(i, replicas=6, container=LARGE, spec=ONE_GOES) for i in ("web:2", "web:1"))
    asked = ask(head, base, nodes=THREE)
    proof = asked.proof("node-loss-replacement")
    assert proof is not None
    assert (proof.level, proof.verified) == ("can-fail", True)
    assert proof.statement == ("if node n1 is lost after the rollout, its 2 pods are not replaced: Insufficient cpu; 4 of 6 keep serving")
    assert "2 Insufficient cpu" in proof.evidence[0]
    assert [s for s in yaml.safe_load(proof.counter_example)["steps"] if "node" in s] == [{"node": {"stop": "n1"}}]
    assert asked.found("node-loss-replacement") == ("head.yaml", 5)


def test_pods_that_stay_for_ever_are_never_replaced(ask: Ask) -> None:
    pod = tolerates()
    asked = ask(deployment("web:2", pod=pod), deployment(pod=pod))
    proof = asked.proof("node-loss-replacement")
    assert proof is not None
    assert proof.level == "can-fail"
    assert "they tolerate an unreachable node for ever" in proof.statement
    assert asked.found("node-loss-replacement") == ("head.yaml", 10)


def test_nobody_asks_when_no_node_is_to_be_lost_or_the_nodes_are_assumed(ask: Ask) -> None:
    assert ask(deployment("web:2"), deployment(), failures={"node": 0}).level("node-loss-replacement") == ""
    assert ask(deployment("web:2"), deployment(), nodes=None).level("node-loss-replacement") == ""


@pytest.mark.skipif(not ORACLE.is_dir(), reason="needs the recordings")
@pytest.mark.parametrize(("name", "level"), [("node-lost-no-room", "can-fail"), ("node-lost-midrollout", "passes")])
def test_what_fits_and_what_does_not_agrees_with_the_recordings(ask: Ask, name: str, level: str) -> None:
    recorded = json.loads((ORACLE / f"{name}.json").read_text())
    applied = [s["apply"] for s in recorded["input"]["steps"] if "apply" in s][-1]
    asked = ask(yaml.safe_dump(applied), nodes=yaml.safe_dump({"nodes": recorded["input"]["nodes"]}))
    assert asked.level("node-loss-replacement") == level
    pending = recorded["recording"]["final"]["distribution"]["web"].get("<pending>", 0)
    assert (pending > 0) == (level == "can-fail")
