"""Rules that join objects: what certainly belongs together is joined, and nothing else."""

from __future__ import annotations

import pytest

from tests.policy.policy_texts import Judged

SERVICE = "{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {selector: {app: web}, ports: [{port: 80, targetPort: http}]}}\n"
WEB = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - {name: app, ports: [{name: http, containerPort: 8080}]}
        - {name: log}
"""
HPA = """\
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec:
  minReplicas: 2
  maxReplicas: 8
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
"""
PDB = """\
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec: {minAvailable: 2, selector: {matchLabels: {app: web}}}
"""


def in_namespace(text: str, namespace: str) -> str:
    return text.replace("metadata: {name: web}", f"metadata: {{name: web, namespace: {namespace}}}")


def test_a_container_behind_a_service_needs_a_readiness_probe_and_its_neighbour_does_not(judged: Judged) -> None:
    (found,) = judged({"a/web.yaml": WEB, "a/svc.yaml": SERVICE}, "readiness-probe-missing")
    assert (found.file, found.path) == ("a/web.yaml", "/spec/template/spec/containers/0")
    assert found.message == 'container "app" has no readiness probe, so Service web sends it requests before it can answer'


def test_of_several_services_the_first_is_named_whatever_order_the_files_come_in(judged: Judged) -> None:
    files = {
        "a/web.yaml": WEB,
        "a/2.yaml": SERVICE.replace("name: web}", "name: two}"),
        "a/1.yaml": SERVICE.replace("name: web}", "name: one}"),
    }
    backwards = dict(reversed(files.items()))
    assert judged(files, "readiness-probe-missing") == judged(backwards, "readiness-probe-missing")
    assert "Service one " in judged(files, "readiness-probe-missing")[0].message


def test_no_service_no_probe(judged: Judged) -> None:
    assert judged(WEB, "readiness-probe-missing") == []


@pytest.mark.parametrize(
    "change",
    [
        ("ports: [{port: 80, targetPort: http}]", "ports: [{port: 80, targetPort: http}], publishNotReadyAddresses: true"),
        ("selector: {app: web}, ", ""),
        ("selector: {app: web}", "selector: {app: other}"),
        ("selector: {app: web}", "selector: {app: web, tier: front}"),
    ],
)
def test_a_service_that_does_not_send_requests_to_ready_pods_only_asks_for_no_probe(judged: Judged, change: tuple[str, str]) -> None:
    assert judged({"a/web.yaml": WEB, "a/svc.yaml": SERVICE.replace(*change)}, "readiness-probe-missing") == []


def test_objects_of_two_namespaces_or_two_folders_are_not_joined(judged: Judged) -> None:
    assert judged({"a/web.yaml": in_namespace(WEB, "dev"), "a/svc.yaml": in_namespace(SERVICE, "prod")}, "readiness-probe-missing") == []
    assert judged({"a/web.yaml": WEB, "b/svc.yaml": SERVICE}, "readiness-probe-missing") == []


def test_a_namespace_joins_folders_when_each_object_is_there_once(judged: Judged) -> None:
    files = {"a/web.yaml": in_namespace(WEB, "prod"), "b/svc.yaml": in_namespace(SERVICE, "prod")}
    assert len(judged(files, "readiness-probe-missing")) == 1
    assert judged({**files, "c/web.yaml": in_namespace(WEB, "prod")}, "readiness-probe-missing") == []


def test_a_folder_of_alternatives_is_not_one_application(judged: Judged) -> None:
    assert judged({"a/one.yaml": WEB, "a/two.yaml": WEB, "a/svc.yaml": SERVICE}, "readiness-probe-missing") == []
    assert len(judged({"a/one.yaml": WEB + "---\n" + SERVICE, "a/two.yaml": WEB}, "readiness-probe-missing")) == 1


@pytest.mark.parametrize(
    ("budget", "replicas", "blocked"),
    [
        ("minAvailable: 2", "2", True),
        ("minAvailable: 2", "3", False),
        ("minAvailable: 67%", "3", True),  # ceil(2.01) = 3
        ("minAvailable: 66%", "3", False),  # ceil(1.98) = 2
        ("minAvailable: 1", "1", True),
        ("minAvailable: 1", "0", False),
        ("maxUnavailable: 0", "9", True),
        ("maxUnavailable: 0%", "9", True),
        ("maxUnavailable: 1%", "9", False),  # rounded up to 1
        ("minAvailable: 100%", "9", True),
    ],
)
def test_a_budget_blocks_drains_when_it_needs_every_pod(judged: Judged, budget: str, replicas: str, blocked: bool) -> None:
    text = PDB.replace("minAvailable: 2", budget) + "---\n" + WEB.replace("replicas: 2", f"replicas: {replicas}")
    assert len(judged(text, "pdb-blocks-drain")) == blocked


def test_with_an_autoscaler_its_minimum_counts(judged: Judged) -> None:
    web = WEB.replace("  replicas: 2\n", "")
    (found,) = judged("---\n".join([PDB, web, HPA]), "pdb-blocks-drain")
    assert found.message.endswith("minAvailable is 2 and HorizontalPodAutoscaler web goes down to 2 pods")
    assert judged("---\n".join([PDB, web, HPA.replace("minReplicas: 2", "minReplicas: 3")]), "pdb-blocks-drain") == []


def test_a_budget_over_an_unknown_number_of_pods_is_left_alone(judged: Judged) -> None:
    unset = WEB.replace("  replicas: 2\n", "")
    second = WEB.replace("name: web}", "name: web-canary}", 1)
    assert judged(PDB + "---\n" + unset, "pdb-blocks-drain") == []
    assert judged("---\n".join([PDB, WEB, second]), "pdb-blocks-drain") == []
    assert judged(PDB, "pdb-blocks-drain") == []


def test_replicas_and_an_autoscaler_are_one_too_many(judged: Judged) -> None:
    (found,) = judged(WEB + "---\n" + HPA, "hpa-vs-replicas")
    assert (found.path, found.line) == ("/spec/replicas", 5)
    assert judged(WEB.replace("  replicas: 2\n", "") + "---\n" + HPA, "hpa-vs-replicas") == []
    assert len(judged({"base/web.yaml": WEB, "hpa/web.yaml": HPA}, "hpa-vs-replicas")) == 1
    assert judged({"a/web.yaml": WEB, "b/web.yaml": WEB, "hpa/web.yaml": HPA}, "hpa-vs-replicas") == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("name: web}", "name: wbe}"), "which is not there; Deployment web is"),
        (("kind: Deployment", "kind: StatefulSet"), "but web is a Deployment"),
        (("apiVersion: apps/v1, ", ""), 'and there is none in apiVersion ""'),
        (("apiVersion: apps/v1", "apiVersion: extensions/v1beta1"), 'and there is none in apiVersion "extensions/v1beta1"'),
        (("kind: Deployment", "kind: DaemonSet"), "and a DaemonSet cannot be scaled"),
    ],
)
def test_an_autoscaler_that_scales_nothing_is_found(judged: Judged, change: tuple[str, str], says: str) -> None:
    head, mark, target = HPA.partition("scaleTargetRef")
    (found,) = judged(WEB + "---\n" + head + mark + target.replace(*change), "hpa-target")
    assert found.message.endswith(says)


def test_an_autoscaler_whose_target_may_be_elsewhere_is_left_alone(judged: Judged) -> None:
    wrong = HPA.replace("kind: Deployment, name: web", "kind: Deployment, name: other")
    assert judged(HPA, "hpa-target") == []
    assert judged(WEB + "---\n" + HPA, "hpa-target") == []
    assert judged(WEB + "---\n" + wrong, "hpa-target", whole=False) == []
    assert judged({"a/web.yaml": WEB, "b/hpa.yaml": wrong}, "hpa-target") == []
    assert judged(HPA.replace("apps/v1, kind: Deployment", "example.com/v1, kind: Shop"), "hpa-target") == []


def test_an_autoscaler_in_another_namespace_than_its_target_is_found(judged: Judged) -> None:
    (found,) = judged(in_namespace(WEB, "prod") + "---\n" + in_namespace(HPA, "dev"), "hpa-target")
    assert found.message.endswith("which is in the namespace prod, not in dev")


def test_a_limit_range_of_the_namespace_gives_what_is_missing(judged: Judged) -> None:
    limits = "{apiVersion: v1, kind: LimitRange, metadata: {name: l, namespace: prod}, spec: {limits: [{type: %s, %s: {memory: 1Gi}}]}}"
    web = in_namespace(WEB, "prod")

    def missing(kind: str, field: str, rule: str, text: str = web) -> int:
        return len(judged({"a/web.yaml": text, "b/limits.yaml": limits % (kind, field)}, rule))

    assert missing("Container", "defaultRequest", "memory-request-missing") == 0
    assert missing("Container", "min", "memory-request-missing") == 0
    assert missing("Container", "defaultRequest", "memory-limit-missing") == 2
    assert missing("Container", "max", "memory-limit-missing") == 0
    assert missing("Pod", "max", "memory-limit-missing") == 2
    assert missing("Container", "default", "cpu-request-missing") == 2
    assert missing("Container", "default", "memory-request-missing", in_namespace(WEB, "dev")) == 2


@pytest.mark.parametrize(
    ("replicas", "rolling", "autoscaled", "found"),
    [
        ("1", "{maxUnavailable: 1}", False, 1),
        ("2", "{maxUnavailable: 1}", False, 0),
        ("3", "{maxUnavailable: 5}", False, 1),
        ("3", "{maxUnavailable: 99%}", False, 0),
        ("1", "{maxUnavailable: 99%}", False, 0),  # rounded down to 0
        ("1", "{maxUnavailable: 99%, maxSurge: 0}", False, 1),  # 0 and 0 become 0 and 1
        ("2", "{maxUnavailable: 25%, maxSurge: 0}", False, 0),
        ("0", "{maxUnavailable: 1}", False, 0),
        ("3", "{maxUnavailable: 5}", True, 0),  # the autoscaler goes up to 8
        ("3", "{maxUnavailable: 8}", True, 1),
        ("3", "{maxUnavailable: 100%}", True, 1),
        ("3", "{}", False, 0),
    ],
)
def test_a_rollout_that_may_take_every_pod_away_is_found(judged: Judged, replicas: str, rolling: str, autoscaled: bool, found: int) -> None:
    web = WEB.replace("replicas: 2", f"replicas: {replicas}\n  strategy: {{rollingUpdate: {rolling}}}")
    assert len(judged(web + ("---\n" + HPA if autoscaled else ""), "max-unavailable-all")) == found


@pytest.mark.parametrize(
    ("deadline", "probes", "found"),
    [
        ("", "startupProbe: {failureThreshold: 60, periodSeconds: 10}", 0),
        ("", "startupProbe: {failureThreshold: 61, periodSeconds: 10}", 1),
        ("progressDeadlineSeconds: 30", "startupProbe: {periodSeconds: 11}", 1),  # 3 failures by default
        ("progressDeadlineSeconds: 30", "startupProbe: {periodSeconds: 10}", 0),
        ("progressDeadlineSeconds: 30", "readinessProbe: {initialDelaySeconds: 31}", 1),
        ("progressDeadlineSeconds: 30", "readinessProbe: {failureThreshold: 99}", 0),
        ("progressDeadlineSeconds: 30", "livenessProbe: {initialDelaySeconds: 99}", 0),
    ],
)
def test_a_deadline_shorter_than_the_probes_allow_is_found(judged: Judged, deadline: str, probes: str, found: int) -> None:
    text = WEB.replace("replicas: 2", deadline).replace("{name: log}", f"{{name: log, {probes}}}")
    assert len(judged(text, "deadline-too-short")) == found


def test_a_namespace_that_a_kustomization_sets_is_not_missed(judged: Judged) -> None:
    on = {"rules": {"namespace-default": "warning"}}
    kustomization = "{apiVersion: kustomize.config.k8s.io/v1beta1, kind: Kustomization, namespace: prod}"
    assert len(judged(WEB, "namespace-default", on)) == 1
    assert judged({"a/web.yaml": WEB, "a/kustomization.yaml": kustomization}, "namespace-default", on) == []
    assert len(judged({"a/web.yaml": in_namespace(WEB, "default"), "a/k.yaml": kustomization}, "namespace-default", on)) == 1


def test_images_that_drift_apart_name_each_other(judged: Judged) -> None:
    on = {"rules": {"image-drift": "info"}}
    pod = "{apiVersion: v1, kind: Pod, metadata: {name: %s}, spec: {containers: [{name: app, image: '%s'}]}}"
    found = judged({"a/1.yaml": pod % ("a", "web:1.0.0"), "a/2.yaml": pod % ("b", "web:1.1.0")}, "image-drift", on)
    assert [f.message.partition(": the same")[2] for f in found] == [
        " repository runs as docker.io/library/web:1.1.0 beside it",
        " repository runs as docker.io/library/web:1.0.0 beside it",
    ]
    assert judged({"a/1.yaml": pod % ("a", "web:1.0.0"), "b/2.yaml": pod % ("b", "web:1.1.0")}, "image-drift", on) == []
