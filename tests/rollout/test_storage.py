"""Claims on the stage: what the files and the cluster file tell of them, and what is assumed."""

from __future__ import annotations

import pytest
import yaml

from kgate.errors import ConfigError
from kgate.rollout import read_cluster
from tests.rollout.questions.conftest import Ask, ask, deployment

__all__ = ["ask"]

POD = "volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]"
NODES = "nodes: [{prefix: a-, count: 2, zone: a, cpu: 4, memory: 8Gi}, {prefix: b-, count: 2, zone: b, cpu: 4, memory: 8Gi}]\n"


def claim(spec: str = "") -> str:
    body = f"{{accessModes: [ReadWriteOnce], resources: {{requests: {{storage: 1Gi}}}}{spec}}}"
    return f"---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: data, namespace: prod}}\nspec: {body}\n"


def web(**more: str) -> str:
    return deployment(replicas=1, pod=POD, spec="strategy: {type: Recreate}", **more)


def about(assumed: tuple[str, ...]) -> list[str]:
    return [a for a in assumed if a.startswith(("claim", "volume"))]


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ("", "claim data: a default StorageClass, which nobody describes, makes volumes at once that every node reaches"),
        (
            ", storageClassName: fast",
            "claim data: StorageClass fast, which nobody describes, makes volumes at once that every node reaches",
        ),
        (
            ', storageClassName: ""',
            "claim data: it has a volume that every node reaches: it asks for one without a class, and nobody describes any",
        ),
        (", volumeName: disk-7", "claim data: every node reaches its volume disk-7, which nobody describes"),
    ],
)
@pytest.mark.parametrize("nodes", [None, NODES])
def test_what_nobody_tells_of_a_volume_is_assumed_and_said(ask: Ask, spec: str, sentence: str, nodes: str | None) -> None:
    r = ask(web() + claim(spec), nodes=nodes).rehearsal
    assert (r.verdict, about(r.assumed)) == ("pass", [sentence])


def test_a_claim_that_is_nowhere_is_unknown_and_it_is_said_where_it_was_looked_for(ask: Ask) -> None:
    assert ask(web(), nodes=None).rehearsal.reason.startswith("claim 'data' of its pods is not in the files, so")
    r = ask(web(), nodes=NODES).rehearsal
    assert r.verdict == "unknown"
    assert r.reason.startswith("claim 'data' of its pods is neither in the files nor among the claims of cluster.yaml")


CLAIM = "claims: [{name: data, namespace: prod, accessModes: [ReadWriteOnce], size: 1Gi, volume: disk, storageClass: fast}]\n"
VOLUME = "persistentVolumes: [{name: disk, accessModes: [ReadWriteOnce], size: 1Gi, claim: prod/data, zone: b, storageClass: fast}]\n"


def test_a_claim_of_the_cluster_file_keeps_its_pods_where_its_volume_is(ask: Ask) -> None:
    r = ask(web(), nodes=NODES + CLAIM + VOLUME).rehearsal
    assert (r.verdict, about(r.assumed)) == ("pass", [])
    assert {p.zone for p in r.placement if p.pods_end} == {"b"}


def test_the_volume_stays_when_the_files_have_the_claim_as_well(ask: Ask) -> None:
    r = ask(web() + claim(", storageClassName: fast"), nodes=NODES + CLAIM + VOLUME).rehearsal
    assert (r.verdict, {p.zone for p in r.placement if p.pods_end}) == ("pass", {"b"})


def test_pods_that_may_not_go_where_the_volume_is_fail_and_the_line_is_that_of_the_volumes(ask: Ask) -> None:
    pod = POD + "\nnodeSelector: {topology.kubernetes.io/zone: a}"
    asked = ask(deployment(replicas=1, pod=pod), nodes=NODES + CLAIM + VOLUME)
    assert asked.rehearsal.verdict == "fail"
    assert asked.found("pods-unschedulable") is not None


def test_a_class_that_a_cluster_file_with_classes_does_not_have_makes_no_volume(ask: Ask) -> None:
    told = NODES + "storageClasses: [{name: slow, provisioner: disk.example.com}]\n"
    asked = ask(web() + claim(", storageClassName: fast"), nodes=told)
    assert asked.rehearsal.verdict == "fail"
    assert "unbound immediate PersistentVolumeClaims" in asked.rehearsal.reason
    assert asked.found("pods-unschedulable") == ("head.yaml", 11)
    default = told.replace("slow,", "slow, default: true,")
    assert ask(web() + claim(), nodes=default).rehearsal.verdict == "pass"


def test_a_class_of_the_files_is_played_as_it_is(ask: Ask) -> None:
    zonal = (
        "---\napiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: fast}\nprovisioner: ebs.csi.aws.com\n"
        "volumeBindingMode: WaitForFirstConsumer\n"
    )
    r = ask(web() + claim(", storageClassName: fast") + zonal, nodes=NODES).rehearsal
    assert (r.verdict, about(r.assumed)) == ("pass", [])


def test_a_volume_of_the_files_serves_the_claim_that_it_fits(ask: Ask) -> None:
    disk = (
        "---\napiVersion: v1\nkind: PersistentVolume\nmetadata: {name: disk}\nspec:\n  capacity: {storage: 5Gi}\n"
        "  accessModes: [ReadWriteOnce]\n  storageClassName: manual\n  hostPath: {path: /data}\n"
    )
    asked = ask(deployment(replicas=2, pod=POD) + claim(", storageClassName: manual") + disk, nodes=NODES)
    assert (asked.rehearsal.verdict, about(asked.rehearsal.assumed)) == ("pass", [])
    assert asked.level("volume-blocks-rollout") == ""  # a hostPath is attached to nothing


def test_ephemeral_volumes_have_claims_of_their_own(ask: Ask) -> None:
    template = "{spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}"
    asked = ask(deployment(pod=f"volumes: [{{name: scratch, ephemeral: {{volumeClaimTemplate: {template}}}}}]"), nodes=NODES)
    assert asked.rehearsal.verdict == "pass"
    assert about(asked.rehearsal.assumed) == [
        "volume scratch: a default StorageClass, which nobody describes, makes volumes at once that every node reaches"
    ]


def test_only_the_claims_of_the_deployment_itself_are_on_its_stage(ask: Ask) -> None:
    other = claim(", storageClassName: none").replace("name: data", "name: other")
    assert about(ask(deployment() + other, nodes=NODES).rehearsal.assumed) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("claims: [{name: data, accessModes: [ReadWriteOnce]}]", "size is missing"),
        ("claims: [{name: data, size: 1Gi}]", "accessModes is missing"),
        ("claims: [{name: data, size: 1Gi, accessModes: [ReadWriteTwice]}]", "'ReadWriteTwice' is no access mode"),
        ("claims: [{name: data, size: 1Gi, accessModes: [ReadWriteOnce], class: x}]", "unknown key 'class' in a claim"),
        ("persistentVolumes: [{name: v, size: 1Gi, accessModes: [ReadWriteOnce], driver: d, source: nfs}]", "a driver or another source"),
        ("storageClasses: [{name: x, provisioner: p, volumeBindingMode: Never}]", "volumeBindingMode is 'Never'"),
    ],
)
def test_a_fault_in_what_a_cluster_file_says_of_storage_is_told(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        read_cluster(yaml.safe_load(NODES + text), file="cluster.yaml")
