from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import yaml

from kgate.engine.errors import Cause
from kgate.errors import ConfigError
from kgate.finding import Finding
from kgate.outcome import Rehearsal
from kgate.rollout import RolloutSettings, read_cluster, rehearse
from kgate.rollout.settings import from_config
from tests.rollout.conftest import Written

WEB = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: prod}
spec:
  replicas: 6
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: app
          image: web:1.8.4
"""
NEXT = WEB.replace("1.8.4", "1.9.0")
NODES = "nodes: [{prefix: n-, count: 6, zone: a, cpu: 2, memory: 8Gi}, {name: t, zone: b, taints: [{key: x}]}]"
ALONE = """\
      affinity:
        podAntiAffinity:
          requiredDuringSchedulingIgnoredDuringExecution:
            - {topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: web}}}
"""
NO_LESS = ("  selector:", "  strategy: {rollingUpdate: {maxUnavailable: 0}}\n  selector:")


class Stage:
    """Rehearses texts, as head over base."""

    def __init__(self, written: Written) -> None:
        self._written = written
        self.findings: Sequence[Finding] = ()

    def __call__(self, head: str, base: str | None = None, *, nodes: str = "", **behaviour: Any) -> Rehearsal:
        settings = from_config({"behaviour": behaviour} if behaviour else {})
        if nodes:
            settings = settings.on(read_cluster(yaml.safe_load(nodes), file="cluster.yaml"))
        before = None if base is None else self._written(base, "base.yaml")
        done = rehearse(self._written(head), settings, base=before)
        self.findings = done.findings
        (rehearsal,) = done.rollouts
        return rehearsal

    def found(self) -> list[tuple[str, str, int, int]]:
        """What stands for the verdict itself; what else was asked has tests of its own."""
        return [(f.rule, f.severity.value, f.line, f.column) for f in self.findings if f.rule < "KG51"]


@pytest.fixture
def stage(written: Written) -> Stage:
    return Stage(written)


def events(r: Rehearsal) -> list[tuple[float, str]]:
    return [(s.at_ms / 1000, s.event) for s in r.steps]


def test_a_new_deployment_on_the_assumed_cluster_passes_in_three_rows(stage: Stage) -> None:
    r = stage(WEB.replace("replicas: 6", "replicas: 2"))
    assert (r.verdict, r.completed_ms, r.images, r.replicas, r.surge, r.unavailable) == ("pass", 10_000, ("", "web:1.8.4"), 2, 1, 0)
    assert events(r) == [(0, "start"), (0, "new +2"), (10, "2 new ready, complete")]
    assert r.assumed == ("cluster: 3 nodes of 4 cpu and 16Gi in zones a, b, c", "web:1.8.4 ready after 10s")
    assert [(n.zone, n.node, n.pods_end, n.cpu_total, n.memory_total) for n in r.placement] == [
        ("a", "n1", 1, "4", "16Gi"),
        ("b", "n2", 1, "4", "16Gi"),
        ("c", "n3", 0, "4", "16Gi"),
    ]
    assert r.zone_skew == 1
    assert not stage.findings


def test_a_new_image_rolls_in_waves_and_keeps_its_floor(stage: Stage) -> None:
    r = stage(NEXT, WEB, default={"startup": 40})
    assert (r.verdict, r.completed_ms, r.lowest_available, r.floor, r.images) == ("pass", 80_000, 5, 5, ("web:1.8.4", "web:1.9.0"))
    assert events(r) == [
        (0, "start"),
        (0, "new +2 (surge full: 8/8)"),
        (0, "old -1, new +1"),
        (40, "3 new ready"),
        (40, "old -3, new +3"),
        (80, "3 new ready"),
        (80, "old -2, complete"),
    ]
    assert r.deadline_s == 600
    assert "Pod/web-" in r.trace and " Ready" in r.trace


def test_the_cluster_of_the_settings_is_not_assumed(stage: Stage) -> None:
    r = stage(WEB, nodes=NODES, default={"startup": 1})
    assert r.assumed == ()
    assert r.bounds.startswith("the cluster of cluster.yaml; pods ready 1s after")
    assert [n.note for n in r.placement if n.node == "t"] == ["untolerated taint"]
    assert r.zone_skew is None, "zone b has no node for these pods"


def test_a_rollout_that_waits_for_room_its_old_pods_hold_never_completes(stage: Stage) -> None:
    r = stage(NEXT.replace(*NO_LESS) + ALONE, WEB.replace(*NO_LESS) + ALONE, nodes=NODES)
    assert (r.verdict, r.completed_ms, r.lowest_available) == ("fail", None, 6)
    assert r.reason.startswith("the rollout never completes: no node takes a new pod beside the old ones")
    assert events(r)[1:] == [(0, "new +2 (surge full: 8/8), 2 unschedulable"), (601, "ProgressDeadlineExceeded")]
    assert r.said[0].startswith("0/7 nodes are available: 1 node(s) had untolerated taint(s), 6 node(s) didn't match pod anti-affinity")
    assert stage.found() == [("KG5001", "error", 6, 46)]
    assert "maxUnavailable" in stage.findings[0].remediation


def test_with_an_old_pod_that_may_go_the_same_rollout_completes(stage: Stage) -> None:
    one_less = (NO_LESS[0], NO_LESS[1].replace("0", "1"))
    assert stage(NEXT.replace(*one_less) + ALONE, WEB.replace(*one_less) + ALONE, nodes=NODES).verdict == "pass"


BIG = NEXT + "          resources: {requests: {cpu: 8}}\n"


def test_a_pod_that_fits_on_no_node_fails_at_its_request(stage: Stage) -> None:
    r = stage(BIG, nodes=NODES)
    assert (r.verdict, r.reason) == ("fail", "6 pods fit on no node: Insufficient cpu")
    assert stage.found() == [("KG5002", "error", 13, 39)]


def test_a_new_template_that_fits_on_no_node_fails_at_its_request_whatever_room_the_old_pods_have(stage: Stage) -> None:
    asking = "          image: web:1.9.0\n          resources: {requests: {cpu: 3}}\n"
    rehearsal = stage(WEB.replace("          image: web:1.8.4\n", asking), WEB, nodes=NODES)
    assert rehearsal.verdict == "fail" and rehearsal.lowest_available == 5
    assert stage.found() == [("KG5002", "error", 13, 39)]


def test_on_the_assumed_cluster_it_proves_nothing(stage: Stage) -> None:
    r = stage(BIG)
    assert r.verdict == "unknown"
    assert stage.found() == [("KG5002", "warning", 13, 39)]
    assert "cluster.yaml" in stage.findings[0].message


def test_more_replicas_than_there_is_room_for_fail_at_the_replicas(stage: Stage) -> None:
    r = stage(BIG.replace("cpu: 8", "cpu: 1500m").replace("replicas: 6", "replicas: 9"), nodes=NODES)
    assert (r.verdict, r.reason) == ("fail", "3 pods fit on no node: Insufficient cpu")
    assert stage.found() == [("KG5002", "error", 5, 13)]


def test_other_tenants_take_room(stage: Stage) -> None:
    full = "nodes: [{name: a, cpu: 4, memory: 8Gi, used: {cpu: 3.5, memory: 1Gi, pods: 7}}]"
    two = WEB.replace("replicas: 6", "replicas: 1") + "          resources: {requests: {cpu: 600m}}\n"
    assert stage(two, nodes=full).verdict == "fail"
    r = stage(two.replace("600m", "500m"), nodes=full)
    assert (r.verdict, r.placement[0].cpu_free, r.placement[0].memory_free) == ("pass", "0", "7Gi")


@pytest.mark.parametrize(
    ("head", "place"),
    [
        (NEXT + "          readinessProbe: {initialDelaySeconds: 700}\n", (13, 49)),
        (NEXT.replace("  replicas: 6", "  replicas: 6\n  progressDeadlineSeconds: 8"), (6, 28)),
    ],
)
def test_a_start_beyond_the_deadline_fails_at_what_says_so(stage: Stage, head: str, place: tuple[int, int]) -> None:
    r = stage(head, WEB)
    assert r.verdict == "fail"
    assert stage.found() == [("KG5003", "error", *place)]


@pytest.mark.parametrize("mode", ["never", "crash", "notready", "flaky"])
def test_an_image_that_is_said_to_fail_fails_at_its_line(stage: Stage, mode: str) -> None:
    r = stage(NEXT, WEB, images={"web:1.9.0": {"mode": mode, "unready_after": 1}})
    assert r.verdict == "fail"
    assert r.lowest_available == 5 or mode == "flaky"
    assert stage.found() == [("KG5004", "error", 12, 18)]


def test_an_unchanged_deployment_rolls_nothing(stage: Stage) -> None:
    r = stage(WEB, WEB)
    assert (r.verdict, r.reason, r.steps) == ("pass", "unchanged: nothing rolls out", ())


@pytest.mark.parametrize(
    ("old", "new", "effect"),
    [
        ("replicas: 6", "replicas: 6\n  revisionHistoryLimit: 10", "unchanged"),  # the default, written down
        ("replicas: 6", "replicas: 6\n  revisionHistoryLimit: 3", "no rollout"),
        ("namespace: prod}", "namespace: prod, annotations: {a: b}}", "no rollout"),
    ],
)
def test_what_rolls_nothing_is_complete_from_the_beginning(stage: Stage, old: str, new: str, effect: str) -> None:
    r = stage(WEB.replace(old, new, 1), WEB)
    assert (r.verdict, r.effect, r.completed_ms, r.lowest_available) == ("pass", effect, 0, 6)
    assert r.reason == ("unchanged: nothing rolls out" if effect == "unchanged" else "")


def test_more_replicas_of_the_same_template_are_started_beside_the_others(stage: Stage) -> None:
    r = stage(WEB.replace("replicas: 6", "replicas: 8"), WEB)
    assert events(r) == [(0, "start"), (0, "new +2"), (10, "2 new ready, complete")]
    assert r.lowest_available == 6


def test_recreate_is_down_until_the_new_pods_are_ready(stage: Stage) -> None:
    recreate = ("  selector:", "  strategy: {type: Recreate}\n  selector:")
    r = stage(NEXT.replace(*recreate), WEB.replace(*recreate), default={"startup": 5, "termination": 3})
    assert events(r) == [(0, "start"), (0, "old -6"), (3, "new +6"), (8, "6 new ready, complete")]
    assert (r.verdict, r.strategy, r.lowest_available, r.floor) == ("pass", "Recreate", 0, 0)


@pytest.mark.parametrize(
    ("head", "why"),
    [
        (WEB.replace("replicas: 6", "paused: true"), "paused"),
        (WEB.replace("replicas: 6", "replicas: 5000"), "more than 500 pods"),
        (WEB + "      schedulerName: volcano\n", "scheduler 'volcano'"),
        (WEB + "      schedulingGates: [{name: quota}]\n", "scheduling gates"),
        (WEB + "      volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]\n", "claim 'data' of its pods is not in the files"),
    ],
)
def test_what_cannot_be_known_is_unknown_and_says_why(stage: Stage, head: str, why: str) -> None:
    r = stage(head)
    assert r.verdict == "unknown"
    assert why in r.reason
    assert not stage.findings


def test_a_priority_class_that_nobody_defines_is_assumed(stage: Stage) -> None:
    r = stage(WEB + "      priorityClassName: gold\n")
    assert (r.verdict, r.assumed[-1]) == ("pass", "priority class gold has the value 0")


SECOND = WEB.replace("name: web,", "name: api,").replace("app: web", "app: api")


def test_deployments_share_a_cluster_that_is_described_and_not_the_assumed_one(written: Written) -> None:
    half = "          resources: {requests: {cpu: 1500m}}\n"
    both = written(f"{WEB}{half}---\n{SECOND}{half}")
    settings = RolloutSettings().on(read_cluster(yaml.safe_load(NODES), file="c"))
    assert [r.verdict for r in rehearse(both, settings).rollouts] == ["pass", "fail"]
    assert {r.assumed[0] for r in rehearse(both, RolloutSettings()).rollouts} == {"cluster: 3 nodes of 4 cpu and 16Gi in zones a, b, c"}


def test_two_files_with_one_deployment_are_two_rollouts_from_nothing(written: Written) -> None:
    twice = [*written(WEB, "dev.yaml"), *written(NEXT, "prod.yaml")]
    settings = RolloutSettings().on(read_cluster(yaml.safe_load(NODES), file="c"))
    assert [(r.file, r.images) for r in rehearse(twice, settings).rollouts] == [
        ("dev.yaml", ("", "web:1.8.4")),
        ("prod.yaml", ("", "web:1.9.0")),
    ]


def test_an_autoscaler_is_named_and_other_kinds_that_roll_are_counted(written: Written) -> None:
    target = "{scaleTargetRef: {kind: Deployment, name: web}}"
    hpa = f"apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {{name: h, namespace: prod}}\nspec: {target}\n"
    more = "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: s}\n"
    done = rehearse(written(f"{WEB}---\n{hpa}---\n{more}"), RolloutSettings())
    assert done.rollouts[0].assumed[-1] == "no usage of the pods is known: HorizontalPodAutoscaler h only keeps to its bounds"
    assert [(s.file, s.reason, s.wanted) for s in done.skipped] == [
        ("web.yaml", "rollout of 1 StatefulSet not rehearsed: only Deployments are", False)
    ]


def test_nothing_is_rehearsed_when_it_is_switched_off(written: Written) -> None:
    assert rehearse(written(WEB), from_config({"enabled": False})).rollouts == ()


def test_a_cluster_that_was_named_and_not_read_is_never_assumed(written: Written) -> None:
    with pytest.raises(ConfigError):
        rehearse(written(WEB), from_config({"cluster": "cluster.yaml"}))


def test_the_same_files_give_the_same_report(written: Written) -> None:
    both = written(f"{NEXT}---\n{SECOND}")
    base = written(f"{WEB}---\n{SECOND}", "base.yaml")
    assert rehearse(both, RolloutSettings(), base=base) == rehearse(both, RolloutSettings(), base=base)


@pytest.mark.parametrize(
    "spec", ["replicas: x", "replicas: -1", "template: 7", "strategy: []", "strategy: {rollingUpdate: {maxSurge: {}}}"]
)
def test_a_hostile_deployment_is_unknown_and_no_crash(stage: Stage, spec: str) -> None:
    r = stage(f"apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec: {{{spec}}}\n")
    assert r.verdict != "pass" or r.replicas == 0


def test_too_many_pods_on_one_cluster_are_unknown(written: Written) -> None:
    many = "---\n".join(WEB.replace("name: web,", f"name: web-{i},").replace("replicas: 6", "replicas: 400") for i in range(6))
    settings = RolloutSettings().on(read_cluster(yaml.safe_load(NODES), file="c"))
    rollouts = rehearse(written(many), settings).rollouts
    assert {(r.verdict, r.reason) for r in rollouts} == {("unknown", "more than 2000 pods on one cluster are not rehearsed")}


def test_a_deployment_that_head_no_longer_has_still_takes_its_room(written: Written) -> None:
    half = "          resources: {requests: {cpu: 1500m}}\n"
    settings = RolloutSettings().on(read_cluster(yaml.safe_load(NODES), file="c"))
    (r,) = rehearse(written(SECOND + half), settings, base=written(WEB + half, "old.yaml")).rollouts
    assert r.verdict == "fail"


def test_the_base_version_is_the_one_of_the_same_file(written: Written) -> None:
    base = [*written(WEB, "dev.yaml"), *written(WEB.replace("1.8.4", "1.7.0"), "prod.yaml")]
    (r,) = rehearse(written(NEXT, "prod.yaml"), RolloutSettings(), base=base).rollouts
    assert r.images == ("web:1.7.0", "web:1.9.0")


def test_a_services_pods_and_a_priority_class_of_the_set_are_on_the_stage(written: Written) -> None:
    priority = "apiVersion: scheduling.k8s.io/v1\nkind: PriorityClass\nmetadata: {name: gold}\nvalue: 1000\n"
    service = "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: prod}\nspec: {selector: {app: web}, ports: [{port: 80}]}\n"
    (r,) = rehearse(written(f"{WEB}      priorityClassName: gold\n---\n{service}---\n{priority}"), RolloutSettings()).rollouts
    assert (r.verdict, [a for a in r.assumed if "priority" in a]) == ("pass", [])


@pytest.mark.parametrize(
    "pod",
    ["containers: 7", "[]", "containers: [{name: a, image: i}], volumes: 3", "priorityClassName: {}", "schedulerName: [1]"],
)
def test_hostile_pod_templates_are_no_crash(stage: Stage, pod: str) -> None:
    spec = pod if pod.startswith("[") else f"{{{pod}}}"
    r = stage(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: w}\n"
        f"spec: {{selector: {{matchLabels: {{a: b}}}}, template: {{metadata: {{labels: {{a: b}}}}, spec: {spec}}}}}\n"
    )
    assert r.verdict in ("unknown", "pass", "fail")


def test_workloads_that_are_not_rehearsed_are_named_as_taking_no_room(written: Written) -> None:
    claim = SECOND + "      volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]\n"
    stateful = "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: s}\n"
    settings = RolloutSettings().on(read_cluster(yaml.safe_load(NODES), file="c"))
    rollouts = rehearse(written(f"{WEB}---\n{claim}---\n{stateful}"), settings).rollouts
    assert [r.verdict for r in rollouts] == ["unknown", "pass"]
    assert rollouts[1].assumed[-1] == "no room is taken by 2 other workloads of the files, which are not rehearsed"


def test_a_base_version_that_cannot_be_played_leaves_the_rollout_unknown(stage: Stage) -> None:
    r = stage(NEXT, WEB.replace("replicas: 6", "paused: true"))
    assert (r.verdict, r.reason[:40]) == ("unknown", "its version in base cannot be rehearsed:")


def test_a_base_version_that_is_refused_leaves_the_rollout_unknown(written: Written) -> None:
    def refuse_old(new: Any, _old: Any) -> list[Cause]:
        old = "1.8.4" in str(new)
        return [Cause(field="spec", message="Invalid value: too old")] if old else []

    base = written(WEB, "base.yaml")
    (r,) = rehearse(written(NEXT), RolloutSettings(), base=base, validate=refuse_old).rollouts
    assert (r.verdict, r.reason.startswith("its version in base is refused: Deployment.apps")) == ("unknown", True)


def test_a_version_that_is_refused_is_unknown(written: Written) -> None:
    def refuse(new: Any, _old: Any) -> list[Cause]:
        return [Cause(field="spec", message="Invalid value: no")] if new["kind"] == "Deployment" else []

    (r,) = rehearse(written(NEXT), RolloutSettings(), validate=refuse).rollouts
    assert (r.verdict, r.reason.startswith("the API server refuses it: ")) == ("unknown", True)
