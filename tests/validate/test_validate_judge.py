"""From causes to findings: the place, the rule and the words that a user sees."""

from __future__ import annotations

import time
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from kgate import load
from kgate.finding import Finding, Severity, Stage
from kgate.validate import RULES, causes, judge
from kgate.validate.rules import BY_REASON
from tests.validate.validated import changed, container, deployment, judged, thing, with_container, with_pod

WEB = """\
    apiVersion: apps/v1
    kind: Deployment
    metadata:
      name: web
      labels:
        tier: a b
    spec:
      replicas: -1
      selector:
        matchLabels: {app: web}
      template:
        metadata:
          labels: {app: web}
        spec:
          containers:
          - name: app
            imagePullPolicy: always
"""


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Finding]:
    monkeypatch.chdir(tmp_path)
    Path("web.yaml").write_text(dedent(WEB))
    return list(judge(load.manifests(["web.yaml"]).manifests, "1.36").findings)


def test_every_finding_stands_at_its_node(found: list[Finding]) -> None:
    assert [(f.line, f.column, f.path) for f in found] == [
        (6, 11, "/metadata/labels/tier"),
        (8, 13, "/spec/replicas"),
        (16, 9, "/spec/template/spec/containers/0/image"),
        (17, 26, "/spec/template/spec/containers/0/imagePullPolicy"),
    ]


def test_a_finding_has_the_words_of_the_server_and_a_remedy(found: list[Finding]) -> None:
    assert found[1].message == "spec.replicas: Invalid value: -1: must be greater than or equal to 0"
    assert [f.remediation for f in found[1:3]] == ["write a larger number", "add image"]
    assert found[3].remediation == 'write one of "Always", "IfNotPresent", "Never"'
    assert all(f.severity is Severity.ERROR and f.stage is Stage.VALIDATE and f.remediation and f.why for f in found)
    assert str(found[0].object) == "Deployment web"


def test_an_unknown_field_stands_at_its_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("web.yaml").write_text(dedent(WEB).replace("imagePullPolicy: always", "imagee: nginx:1.27"))
    (finding,) = judge(load.manifests(["web.yaml"]).manifests, "1.36").findings
    assert (finding.rule, finding.line, finding.column) == ("KG1004", 17, 9)
    assert finding.message == 'unknown field "spec.template.spec.containers[0].imagee"'
    assert finding.remediation == 'did you mean "image"?'


def test_rules_are_errors_with_distinct_ids_and_every_reason_has_one() -> None:
    assert len({r.id for r in RULES}) == len({r.name for r in RULES}) == len(RULES)
    assert all(r.id.startswith("KG1") and r.remediation and r.why and r.summary for r in RULES)
    assert all(r.severity is Severity.ERROR for r in RULES)
    assert set(BY_REASON.values()) <= set(RULES)


def test_the_order_of_objects_and_keys_changes_no_verdict() -> None:
    one, two = changed(deployment(), "spec.replicas", -1), changed(deployment(), "metadata.name", "B")
    backwards = [dict(reversed(body.items())) for body in (two, one)]
    forwards = {(f.path, f.message) for f in judged(one, two).findings}
    assert forwards == {(f.path, f.message) for f in judged(*backwards).findings} and len(forwards) == 2


def test_hostile_text_is_shown_and_does_not_act() -> None:
    (finding,) = judged(changed(deployment(), "metadata.name", "\x1b[31mred\n::error::")).findings
    assert finding.message.isprintable()
    (finding,) = judged(changed(deployment(), "spec.\x1b[31m", 1)).findings
    assert finding.message.isprintable() and finding.remediation.isprintable()


def test_a_simulator_can_ask_for_causes() -> None:
    body = changed(deployment(), "spec.strategy", {"rollingUpdate": {"maxSurge": "0%", "maxUnavailable": "0%"}})
    (cause,) = causes(body, version="v1.30.2")
    assert (cause.reason, cause.field) == ("FieldValueInvalid", "spec.strategy.rollingUpdate.maxUnavailable")
    assert cause.message == 'Invalid value: "0%": may not be 0 when `maxSurge` is 0'
    assert causes({"apiVersion": "example.com/v1", "kind": "Custom"}) == ()


def crowd(size: int) -> list[dict[str, Any]]:
    """Objects with very many of something, sound or not."""
    many = [str(i) for i in range(size)]
    return [
        changed(deployment(), "spec", dict.fromkeys(many, 1)),
        changed(deployment(), "metadata.labels", {f"a b{i}": "c d" for i in many}),
        with_pod(containers=[container(name=f"Bad{i}") for i in many]),
        with_pod(topologySpreadConstraints=[{"maxSkew": 1, "topologyKey": f"k{i}", "whenUnsatisfiable": "DoNotSchedule"} for i in many]),
        with_container(
            volumeDevices=[{"name": i, "devicePath": i} for i in many], volumeMounts=[{"name": i, "mountPath": i} for i in many]
        ),
        thing("v1", "Service", spec={"ports": [{"port": 80}], "ipFamilies": many}),
        thing("v1", "Secret", data={"k": "YWJj" * size * 10}),
        with_container(resources={"limits": {"hugepages-" + "1" * size * 10 + "x": 1, "cpu": "1" * size * 10}}),
        changed(deployment(), "metadata.name", "a" * size * 10),
    ]


def test_the_cost_of_a_hostile_object_grows_with_its_size_and_its_findings_are_bounded() -> None:
    begin = time.process_time()
    for body in crowd(3000):
        assert len(judged(body).findings) <= 250
    assert time.process_time() - begin < 8  # about one second on an idle machine
