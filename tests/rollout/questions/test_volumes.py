from __future__ import annotations

import pytest

from tests.rollout.questions.conftest import NODES, Ask, Asked, deployment

NAME = "volume-blocks-rollout"
POD = "volumes:\n  - {name: tmp, emptyDir: {}}\n  - {name: data, persistentVolumeClaim: {claimName: data}}"


def claim(mode: str) -> str:
    spec = f"{{accessModes: [{mode}], resources: {{requests: {{storage: 1Gi}}}}}}"
    return f"---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: data, namespace: prod}}\nspec: {spec}\n"


@pytest.mark.parametrize(("mode", "level"), [("ReadWriteOnce", "can-fail"), ("ReadWriteOncePod", "fails")])
def test_a_new_pod_waits_for_the_claim_that_the_old_one_has(ask: Ask, mode: str, level: str) -> None:
    asked = ask(deployment(replicas=1, pod=POD) + claim(mode))
    proof = asked.proof(NAME)
    assert proof is not None
    assert (proof.level, proof.fix, proof.verified) == (level, "set spec.strategy.type to Recreate", True)
    assert asked.found(NAME) == ("head.yaml", 12)
    assert asked.rehearsal.verdict == "pass"


def test_the_scheduler_says_that_the_claim_is_in_use(ask: Ask) -> None:
    proof = ask(deployment(replicas=1, pod=POD) + claim("ReadWriteOncePod")).proof(NAME)
    assert proof is not None
    assert "PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod" in proof.evidence[0]


@pytest.mark.parametrize("strategy", ["{type: Recreate}", "{rollingUpdate: {maxSurge: 0, maxUnavailable: 1}}"])
@pytest.mark.parametrize("mode", ["ReadWriteOnce", "ReadWriteOncePod"])
def test_where_the_old_pod_goes_first_the_claim_is_free(ask: Ask, strategy: str, mode: str) -> None:
    assert ask(deployment(replicas=1, pod=POD, spec=f"strategy: {strategy}") + claim(mode)).level(NAME) == ""


def test_the_strategy_that_is_written_is_where_it_points(ask: Ask) -> None:
    written = "strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}"
    assert ask(deployment(replicas=1, pod=POD, spec=written) + claim("ReadWriteOnce")).found(NAME) == ("head.yaml", 6)


def test_several_replicas_cannot_share_a_volume_of_one_node_at_all(ask: Ask) -> None:
    proof = ask(deployment(replicas=3, pod=POD) + claim("ReadWriteOnce")).proof(NAME)
    assert proof is not None
    assert (proof.fix, proof.verified) == ("run one replica, or give each its own claim with a StatefulSet", False)


def test_a_volume_that_many_nodes_can_mount_is_none_of_it(ask: Ask) -> None:
    assert ask(deployment(replicas=3, pod=POD) + claim("ReadWriteMany")).level(NAME) == ""


def test_pods_of_one_named_node_share_its_volume(ask: Ask) -> None:
    pinned = POD + "\nnodeSelector: {kubernetes.io/hostname: n7}"
    assert ask(deployment(replicas=1, pod=pinned) + claim("ReadWriteOnce")).level(NAME) == ""
    assert ask(deployment(replicas=1, pod=pinned) + claim("ReadWriteOncePod")).level(NAME) == "fails"


UPDATES = "strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}"


def changed(ask: Ask, mode: str, *, spec: str = UPDATES, nodes: str | None = NODES, replicas: int = 1, **config: object) -> Asked:
    volumes = claim(mode)
    new, old = (deployment(image, replicas=replicas, pod=POD + BUSY, spec=spec) for image in ("web:2", "web:1"))
    return ask(new + volumes, old + volumes, nodes=nodes, **config)


# Each pod takes so much that the next one goes to another node.
BUSY = "\npriorityClassName: system-cluster-critical\nresources: {requests: {cpu: 3}}"


@pytest.mark.parametrize(("mode", "said"), [("ReadWriteOnce", "Multi-Attach error"), ("ReadWriteOncePod", "already in-use by another pod")])
def test_on_a_described_cluster_the_update_is_seen_to_stand_still(ask: Ask, mode: str, said: str) -> None:
    asked = changed(ask, mode)
    assert (asked.rehearsal.verdict, asked.rehearsal.completed_ms, asked.rehearsal.lowest_available) == ("fail", None, 1)
    assert any(said in message for message in asked.rehearsal.said)
    assert [(f.rule, f.line) for f in asked.findings] == [("KG5001", 6)]  # the question has the same cause, and stays a proof
    assert (asked.level(NAME), asked.proof(NAME).verified) == ("fails" if mode.endswith("Pod") else "can-fail", True)


@pytest.mark.parametrize("mode", ["ReadWriteOnce", "ReadWriteOncePod"])
def test_with_the_fix_it_completes_there(ask: Ask, mode: str) -> None:
    asked = changed(ask, mode, spec="strategy: {type: Recreate}")
    assert (asked.rehearsal.verdict, asked.level(NAME)) == ("pass", "")
    assert asked.rehearsal.completed_ms is not None


def test_where_the_volume_goes_on_the_assumed_cluster_proves_nothing_of_others(ask: Ask) -> None:
    asked = changed(ask, "ReadWriteOnce", nodes=None)
    assert asked.rehearsal.verdict == "unknown"
    assert "attached to another node" in asked.rehearsal.reason
    assert changed(ask, "ReadWriteOncePod", nodes=None).rehearsal.verdict == "fail"


def test_on_one_node_the_pods_share_it(ask: Ask) -> None:
    asked = changed(ask, "ReadWriteOnce", nodes="nodes: [{name: a, cpu: 16, memory: 8Gi}]")
    assert (asked.rehearsal.verdict, asked.level(NAME)) == ("pass", "")


def test_of_a_claim_that_is_not_in_the_files_nothing_is_known(ask: Ask) -> None:
    assert ask(deployment(replicas=1, pod=POD)).level(NAME) == "unknown"
    assert ask(deployment(replicas=1, pod=POD, spec="strategy: {type: Recreate}")).level(NAME) == ""
