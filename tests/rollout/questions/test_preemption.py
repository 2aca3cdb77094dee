from __future__ import annotations

from tests.rollout.questions.conftest import Ask, deployment

NAME = "preemption"
CLASSES = "".join(
    f"---\napiVersion: scheduling.k8s.io/v1\nkind: PriorityClass\nmetadata: {{name: {name}}}\nvalue: {value}\n"
    for name, value in (("high", 1000), ("low", 1))
)
SMALL = "nodes: [{prefix: n-, count: 2, cpu: 2, memory: 8Gi}]"
LARGE = "resources: {requests: {cpu: 900m}}"


def web(replicas: int, image: str = "web:1") -> str:
    return deployment(image, replicas=replicas, pod="priorityClassName: high", container=LARGE)


def batch(image: str = "batch:1") -> str:
    return "---\n" + deployment(image, name="batch", replicas=2, pod="priorityClassName: low", container=LARGE)


def test_a_rollout_that_drives_others_away_says_whom(ask: Ask) -> None:
    asked = ask(web(3) + batch() + CLASSES, web(2) + batch() + CLASSES, nodes=SMALL)
    proof = asked.proof(NAME)
    assert proof is not None
    assert proof.level == "can-fail"
    assert proof.statement.startswith("the rollout preempts 1 pod of Deployment prod/batch")
    assert "Preempted by pod " in proof.evidence[0]
    assert asked.found(NAME) == ("head.yaml", 10)


def test_the_victim_is_told_too(ask: Ask) -> None:
    asked = ask(web(3) + batch("batch:2") + CLASSES, web(2) + batch() + CLASSES, nodes=SMALL, name="batch")
    proof = asked.proof(NAME)
    assert proof is not None
    assert "of its pods are preempted by those of Deployment prod/web" in proof.statement


def test_a_class_that_only_waits_preempts_nobody(ask: Ask) -> None:
    """An old pod goes first, so that the new one has room without anybody else leaving."""
    one_less = "strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 1}}"
    new = web(2, "web:2").replace("  replicas: 2\n", f"  replicas: 2\n  {one_less}\n")
    asked = ask(new + batch() + CLASSES, web(2) + batch() + CLASSES, nodes=SMALL)
    proof = asked.proof(NAME)
    assert proof is not None
    assert (proof.verified, "PriorityClass high to Never" in proof.fix) == (True, True)
    polite = CLASSES.replace("value: 1000", "value: 1000\npreemptionPolicy: Never")
    assert ask(new + batch() + polite, web(2) + batch() + polite, nodes=SMALL).level(NAME) == ""


def test_where_there_is_room_nobody_has_to_go(ask: Ask) -> None:
    assert ask(web(3) + batch() + CLASSES, web(2) + batch() + CLASSES).level(NAME) == ""


def test_on_the_assumed_cluster_there_is_nobody_else(ask: Ask) -> None:
    assert ask(web(3) + batch() + CLASSES, web(2) + batch() + CLASSES, nodes=None).level(NAME) == ""
