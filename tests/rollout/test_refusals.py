from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from kgate.errors import ConfigError
from kgate.rollout import RolloutSettings, read_cluster, rehearse
from kgate.rollout.refusals import refusal, words
from tests.rollout.conftest import Written
from tests.rollout.test_rehearsal import NEXT, WEB, Stage

QUOTA = "apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: q, namespace: prod}\nspec: {hard: {pods: 6}}\n"
NO_ROOM = "exceeded quota: q, requested: pods=1, used: pods=6, limited: pods=6"
NODES = "nodes: [{prefix: n-, count: 3, cpu: 32, memory: 64Gi}]\n"


@pytest.fixture
def stage(written: Written) -> Stage:
    return Stage(written)


def test_the_name_of_the_pod_is_nobodys_business() -> None:
    assert words('Error creating: pods "web-5d-x7x" is forbidden: exceeded quota: q') == "exceeded quota: q"


def test_a_quota_that_old_pods_fill_is_a_fault_of_the_strategy(written: Written) -> None:
    head = NEXT.replace("  selector:", "  strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}\n  selector:", 1)
    base = WEB
    done = rehearse(written(f"{head}---\n{QUOTA}"), RolloutSettings(), base=written(f"{base}---\n{QUOTA}", "base.yaml"))
    (finding,), (rollout,) = done.findings, done.rollouts
    assert rollout.verdict == "fail"
    assert (finding.rule, finding.line) == ("KG5005", 6)
    assert finding.message == f"no new pod is created beside the old ones: {NO_ROOM}; 6 available pods keep serving"
    assert sum("forbidden" in said for said in rollout.said) == 1


def test_a_quota_that_is_too_small_for_the_deployment_is_told_at_its_replicas(written: Written) -> None:
    small = QUOTA.replace("pods: 6", "pods: 4")
    done = rehearse(written(f"{WEB}---\n{small}"), RolloutSettings())
    (finding,) = done.findings
    assert (finding.rule, finding.line) == ("KG5005", 5)
    assert finding.message == "pods are not created: exceeded quota: q, requested: pods=1, used: pods=4, limited: pods=4"


def test_a_quota_of_another_namespace_and_one_with_room_change_nothing(written: Written) -> None:
    other = QUOTA.replace("prod", "test").replace("pods: 6", "pods: 1")
    room = QUOTA.replace("pods: 6", "pods: 8")
    assert rehearse(written(f"{WEB}---\n{other}---\n{room}"), RolloutSettings()).rollouts[0].verdict == "pass"


@pytest.mark.parametrize(("folder", "verdict"), [("web", "fail"), ("docs", "pass")])
def test_without_a_namespace_a_quota_holds_for_its_own_folder(written: Written, folder: str, verdict: str) -> None:
    """Whoever applies a folder says which namespace it goes to, and another folder may go to another one."""
    web, quota = WEB.replace(", namespace: prod", ""), QUOTA.replace(", namespace: prod", "").replace("pods: 6", "pods: 1")
    for place in ("web", "docs"):
        Path(place).mkdir()
    manifests = [*written(web, "web/web.yaml"), *written(quota, f"{folder}/quota.yaml")]
    assert rehearse(manifests, RolloutSettings()).rollouts[0].verdict == verdict


def test_quotas_of_the_cluster_file_apply(stage: Stage) -> None:
    quotas = "quotas: [{name: cpu, namespace: prod, hard: {limits.cpu: 4}}]\n"
    rollout = stage(WEB, nodes=NODES + quotas)
    assert rollout.reason == "pods are not created: failed quota: cpu: must specify limits.cpu for: app"
    assert stage.found() == [("KG5005", "error", 11, 11)]


def test_limit_ranges_of_the_cluster_file_apply(stage: Stage) -> None:
    ranges = "limitRanges: [{name: lr, namespace: prod, limits: [{type: Container, max: {cpu: 1}, default: {cpu: 500m}}]}]\n"
    head = WEB.rstrip() + "\n          resources: {limits: {cpu: 2}}\n"
    assert stage(head, nodes=NODES + ranges).reason == "pods are not created: maximum cpu usage per Container is 1, but limit is 2"
    assert stage.found() == [("KG5005", "error", 13, 37)]
    assert stage(WEB, nodes=NODES + ranges).verdict == "pass"


def test_priority_classes_of_the_cluster_file_are_no_guess(stage: Stage) -> None:
    head = WEB.replace("      containers:", "      priorityClassName: high\n      containers:")
    known = "priorityClasses: [{name: high, value: 1000, preemptionPolicy: Never}]\n"
    assert stage(head, nodes=NODES).assumed[-1:] == ("priority class high has the value 0",)
    assert "priority class high has the value 0" not in stage(head, nodes=NODES + known).assumed


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("quotas: [{name: q, hard: {pods: many}}]", "/quotas/0/hard/pods: must be a quantity such as 4, 500m or 16Gi, not 'many'"),
        ("quotas: [{name: q, hart: {pods: 1}}]", "/quotas/0/hart: unknown key 'hart' in a quota"),
        ("limitRanges: [{name: l, limits: [{type: Kontainer}]}]", "/limitRanges/0/limits/0/type: type is 'Kontainer'"),
        ("priorityClasses: [{name: p, value: high}]", "/priorityClasses/0/value: must be a whole number, not a text"),
        ("quotas: [{hard: {pods: 1}}]", "/quotas/0: name is missing"),
    ],
)
def test_faults_of_the_cluster_file_are_told(more: str, said: str) -> None:
    with pytest.raises(ConfigError) as fault:
        read_cluster(yaml.safe_load(NODES + more), file="cluster.yaml")
    assert str(fault.value) == f"cluster.yaml: {said}"


@pytest.mark.parametrize(
    ("message", "path"),
    [
        ("failed quota: q: must specify requests.cpu for: b,init", ("spec", "template", "spec", "containers", 1)),
        ("failed quota: q: must specify memory for: init", ("spec", "template", "spec", "initContainers", 0)),
        (
            "[minimum cpu usage per Container is 1, but request is 500m, cpu max limit to request ratio per Container is 1, but ...]",
            ("spec", "template", "spec", "containers", 1, "resources", "requests", "cpu"),
        ),
        (
            "cpu max limit to request ratio per Pod is 2, but provided ratio is 4.000000",
            ("spec", "template", "spec", "containers", 1, "resources", "requests", "cpu"),
        ),
        ("no PriorityClass with name x was found", ("spec", "template", "spec", "priorityClassName")),
        ("something else", ("spec", "template", "spec")),
    ],
)
def test_every_refusal_has_a_place(message: str, path: tuple[str | int, ...]) -> None:
    containers = [{"name": "a"}, {"name": "b", "resources": {"requests": {"cpu": "500m"}}}]
    body = {"spec": {"template": {"spec": {"containers": containers, "initContainers": [{"name": "init"}]}}}}
    found = refusal(f'pods "x-1" is forbidden: {message}', body)
    assert (found.path, found.reason) == (path, message)


def test_what_a_quota_does_not_know_of_is_told(stage: Stage, written: Written) -> None:
    (alone,) = rehearse(written(f"{WEB}---\n{QUOTA.replace('6', '9')}"), RolloutSettings()).rollouts
    assert "quota q counts nothing but this Deployment" in alone.assumed
    shared = stage(WEB, nodes=NODES + "quotas: [{name: q, namespace: prod, hard: {pods: 9}}]\n")
    assert "quota q counts nothing but what is rehearsed" in shared.assumed
