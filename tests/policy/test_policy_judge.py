from __future__ import annotations

import random

import pytest

from kgate.finding import Severity, Stage
from kgate.manifest import Manifest
from kgate.policy import PolicySettings, catalog, judge
from tests.policy.policy_texts import Judged, manifests_of

ARTICLE = """\
    apiVersion: apps/v1
    kind: Deployment
    metadata:
      name: ngninx-deploy
    spec:
      replicas: 2
      selector:
        matchLabels:
          app: nginx
      template:
        metadata:
          labels:
            app: nginx
        spec:
          containers:
            - name: nginx
              image: nginx
    """


def test_the_article_s_deployment_fails_at_its_image_and_is_warned_about_the_rest(judged: Judged) -> None:
    found = judged(ARTICLE)
    assert [(f.name, f.severity.value, f.line, f.column) for f in found] == [
        ("label-required", "warning", 3, 1),
        ("pss-privilege-escalation", "warning", 16, 11),
        ("pss-run-as-non-root", "warning", 16, 11),
        ("pss-capabilities-drop-all", "warning", 16, 11),
        ("pss-seccomp-required", "warning", 16, 11),
        ("read-only-root-fs", "warning", 16, 11),
        ("memory-request-missing", "warning", 16, 11),
        ("cpu-request-missing", "warning", 16, 11),
        ("memory-limit-missing", "warning", 16, 11),
        ("image-tag-missing", "error", 17, 11),
    ]


def test_a_finding_names_the_container_the_image_and_what_to_write(judged: Judged) -> None:
    (found,) = judged(ARTICLE, "image-tag-missing")
    assert found.message == 'container "nginx": image "nginx" has no tag and no digest, so it runs whatever :latest is that day'
    assert found.remediation == "pin a version, e.g. nginx:<version>@sha256:<digest>"
    assert (found.rule, found.stage, found.path) == ("KG2002", Stage.POLICY, "/spec/template/spec/containers/0/image")
    assert found.object is not None
    assert str(found.object) == "Deployment ngninx-deploy"


def test_a_missing_key_is_reported_at_its_nearest_parent_that_is_there(judged: Judged) -> None:
    text = """\
        apiVersion: v1
        kind: Pod
        metadata: {name: web}
        spec:
          containers:
            - name: app
              resources:
                requests: {cpu: 1}
        """
    (request,) = judged(text, "memory-request-missing")
    (limit,) = judged(text, "memory-limit-missing")
    assert (request.path, request.line, request.column) == ("/spec/containers/0/resources/requests", 8, 9)
    assert (limit.path, limit.line, limit.column) == ("/spec/containers/0/resources", 7, 7)


@pytest.mark.parametrize(
    ("head", "path"),
    [
        ("{apiVersion: v1, kind: Pod, spec: %s}", "/spec"),
        ("{apiVersion: v1, kind: PodTemplate, template: {spec: %s}}", "/template/spec"),
        ("{apiVersion: v1, kind: ReplicationController, spec: {template: {spec: %s}}}", "/spec/template/spec"),
        ("{apiVersion: apps/v1, kind: Deployment, spec: {template: {spec: %s}}}", "/spec/template/spec"),
        ("{apiVersion: apps/v1, kind: StatefulSet, spec: {template: {spec: %s}}}", "/spec/template/spec"),
        ("{apiVersion: apps/v1, kind: DaemonSet, spec: {template: {spec: %s}}}", "/spec/template/spec"),
        ("{apiVersion: apps/v1, kind: ReplicaSet, spec: {template: {spec: %s}}}", "/spec/template/spec"),
        ("{apiVersion: batch/v1, kind: Job, spec: {template: {spec: %s}}}", "/spec/template/spec"),
        (
            "{apiVersion: batch/v1, kind: CronJob, spec: {jobTemplate: {spec: {template: {spec: %s}}}}}",
            "/spec/jobTemplate/spec/template/spec",
        ),
        ("{apiVersion: argoproj.io/v1alpha1, kind: Rollout, spec: {template: {spec: %s}}}", "/spec/template/spec"),
    ],
)
@pytest.mark.parametrize(
    ("containers", "place"),
    [
        ("{containers: [{name: a, image: nginx}]}", "/containers/0/image"),
        ("{initContainers: [{name: a, image: nginx}]}", "/initContainers/0/image"),
        ("{ephemeralContainers: [{name: a, image: nginx}]}", "/ephemeralContainers/0/image"),
    ],
)
def test_every_kind_of_container_of_every_kind_with_a_pod_is_judged(
    judged: Judged, head: str, path: str, containers: str, place: str
) -> None:
    assert [f.path for f in judged(head % containers, "image-tag-missing")] == [path + place]


def test_kinds_of_other_groups_are_not_guessed_to_have_a_pod(judged: Judged) -> None:
    assert judged("{apiVersion: example.com/v1, kind: Deployment, spec: {template: {spec: {containers: [{image: nginx}]}}}}") == []


def test_an_item_of_a_list_is_found_where_it_stands() -> None:
    (pod,) = manifests_of("{apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: Pod, spec: {containers: [{image: nginx}]}}]}")
    item = Manifest(source=pod.source, document=0, root=("items", 0), body=pod.body["items"][0])
    found = [f for f in judge([item], catalog(), PolicySettings()) if f.name == "image-tag-missing"]
    assert [f.path for f in found] == ["/items/0/spec/containers/0/image"]


def test_init_containers_need_no_requests_but_sidecars_do(judged: Judged) -> None:
    text = """\
        apiVersion: v1
        kind: Pod
        metadata: {name: web}
        spec:
          initContainers:
            - {name: wait, image: "a:1.0.0"}
            - {name: proxy, image: "a:1.0.0", restartPolicy: Always}
          containers: [{name: app, image: "a:1.0.0", resources: {limits: {memory: 1Gi, cpu: 1}}}]
        """
    assert [f.message.split(" requests")[0] for f in judged(text, "memory-request-missing")] == ['sidecar "proxy"']


def test_a_rule_can_be_made_graver_and_switched_off(judged: Judged) -> None:
    graver = judged(ARTICLE, "label-required", {"rules": {"label-required": "error"}})
    assert [f.severity for f in graver] == [Severity.ERROR]
    assert judged(ARTICLE, "image-tag-missing", {"rules": {"KG2002": "off"}}) == []
    assert judged(ARTICLE, "image-tag-missing", {"rules": {"image-tag-missing": {"severity": "off"}}}) == []


def test_giving_a_rule_that_is_off_a_severity_switches_it_on(judged: Judged) -> None:
    assert judged(ARTICLE, "image-unqualified") == []
    assert len(judged(ARTICLE, "image-unqualified", {"rules": {"image-unqualified": "warning"}})) == 1
    assert judged(ARTICLE, "image-unqualified", {"rules": {"image-unqualified": {"exclude": ["x/**"]}}}) == []


def test_excluded_files_are_not_looked_at_by_that_rule_alone(judged: Judged) -> None:
    files = {"dev/web.yaml": ARTICLE, "prod/web.yaml": ARTICLE}
    config = {"rules": {"image-tag-missing": {"exclude": ["dev/**"]}}}
    assert [f.file for f in judged(files, "image-tag-missing", config)] == ["prod/web.yaml"]
    assert len(judged(files, "memory-limit-missing", config)) == 2


def test_params_of_a_policy_can_be_replaced(judged: Judged) -> None:
    config = {"rules": {"label-required": {"params": {"keys": ["team"]}}}}
    assert [f.message for f in judged(ARTICLE, "label-required", config)] == ["Deployment ngninx-deploy has no label team"]


def test_the_order_of_the_manifests_never_shows() -> None:
    texts = {f"{n}.yaml": ARTICLE.replace("ngninx-deploy", f"web-{n}") for n in range(8)}
    manifests = [m for file, text in texts.items() for m in manifests_of(text, file)]
    once = judge(manifests, catalog(), PolicySettings())
    random.Random(7).shuffle(manifests)
    assert judge(manifests, catalog(), PolicySettings()) == once


def test_nothing_is_found_where_there_is_nothing() -> None:
    assert judge([], catalog(), PolicySettings()) == ()
