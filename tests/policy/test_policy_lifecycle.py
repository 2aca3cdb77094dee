"""What a Kubernetes minor takes and warns of, and later minors will not take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from kgate.finding import Finding, Stage
from kgate.policy import catalog, from_config, judge
from kgate.policy.context import NEWEST
from kgate.validate import VERSIONS
from kgate.validate.schemas import bundle
from tests.policy.policy_texts import manifests_of

WIDGET = "{apiVersion: example.com/v1beta1, kind: Widget, metadata: {name: a}}"


def found(text: str, minor: int = NEWEST, rules: Mapping[str, Any] | None = None, definitions: str = "") -> list[Finding]:
    settings = from_config({"rules": rules or {}})
    known = manifests_of(definitions) if definitions else ()
    judged = judge(manifests_of(text), catalog(), settings, minor=minor, definitions=known)
    return [f for f in judged if f.name in ("api-deprecated", "field-deprecated")]


def thing(version: str, kind: str) -> str:
    return f"{{apiVersion: {version}, kind: {kind}, metadata: {{name: a}}}}"


def definition(*versions: str) -> str:
    spec = f"{{group: example.com, names: {{kind: Widget}}, versions: [{', '.join(versions)}]}}"
    return f"{{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {{name: widgets.example.com}}, spec: {spec}}}"


V1 = "{name: v1, served: true}"
BETA = "{name: v1beta1, served: true, deprecated: true}"


@pytest.mark.parametrize(
    ("version", "kind", "minor", "message", "remediation"),
    [
        (
            "autoscaling/v2beta2",
            "HorizontalPodAutoscaler",
            25,
            "autoscaling/v2beta2 HorizontalPodAutoscaler is deprecated in v1.23+, unavailable in v1.26+",
            "use apiVersion: autoscaling/v2",
        ),
        (
            "storage.k8s.io/v1alpha1",
            "VolumeAttributesClass",
            33,
            "storage.k8s.io/v1alpha1 VolumeAttributesClass is deprecated in v1.32+, unavailable in v1.35+",
            "use apiVersion: storage.k8s.io/v1beta1",
        ),
        (
            "coordination.k8s.io/v1beta1",
            "LeaseCandidate",
            36,
            "coordination.k8s.io/v1beta1 LeaseCandidate is deprecated in v1.36+, unavailable in v1.39+",
            "Kubernetes 1.36 serves nothing newer: change it before the cluster becomes 1.39",
        ),
        ("v1", "Endpoints", 33, "v1 Endpoints is deprecated in v1.33+", "use apiVersion: discovery.k8s.io/v1 and kind: EndpointSlice"),
    ],
)
def test_a_deprecated_api_is_a_warning_of_policy_at_its_version(
    version: str, kind: str, minor: int, message: str, remediation: str
) -> None:
    (finding,) = found(thing(version, kind), minor)
    assert (finding.rule, finding.stage, finding.severity.value, finding.path) == ("KG2311", Stage.POLICY, "warning", "/apiVersion")
    assert (finding.message, finding.remediation) == (message, remediation)


@pytest.mark.parametrize(
    ("version", "kind", "minor"),
    [
        ("autoscaling/v2", "HorizontalPodAutoscaler", 25),
        ("autoscaling/v2beta2", "HorizontalPodAutoscaler", 26),
        ("flowcontrol.apiserver.k8s.io/v1beta3", "FlowSchema", 28),
        ("certificates.k8s.io/v1alpha1", "ClusterTrustBundle", 33),
        ("v1", "Endpoints", 32),
        ("apps/v1", "Deployment", 37),
    ],
)
def test_an_api_is_not_deprecated_before_its_time_nor_after_it(version: str, kind: str, minor: int) -> None:
    assert not found(thing(version, kind), minor)


def test_the_settings_of_rules_hold_for_deprecations() -> None:
    text = thing("v1", "Endpoints")
    assert not found(text, rules={"api-deprecated": "off"})
    assert [f.severity.value for f in found(text, rules={"api-deprecated": "error"})] == ["error"]
    assert not found(text, rules={"api-deprecated": {"exclude": ["web.yaml"]}})


def test_whatever_is_called_deprecated_is_served_and_what_is_to_be_used_instead_too() -> None:
    assert int(VERSIONS[-1].partition(".")[2]) == NEWEST
    policy = catalog().find("api-deprecated")
    assert policy is not None
    for api in policy.params["apis"]:
        for kind in api["kinds"]:
            for number in range(max(api["since"], 25), api.get("until", NEWEST) + 1):
                assert bundle().serves(api["version"], kind, f"1.{number}")
                assert all(
                    bundle().serves(use, api.get("kind", kind), f"1.{number}") for m, use in api.get("use", {}).items() if int(m) <= number
                )
            if "removed" in api and api["removed"] <= NEWEST and api["since"] > 29:
                assert not bundle().serves(api["version"], kind, f"1.{api['removed']}")


def test_a_version_that_its_definition_deprecates_is_told_in_the_definitions_words() -> None:
    (plain,) = found(f"{WIDGET}\n---\n{definition(V1, BETA)}")
    assert (plain.message, plain.remediation) == ("example.com/v1beta1 Widget is deprecated", "use apiVersion: example.com/v1")
    (own,) = found(WIDGET, definitions=definition(BETA.replace("}", ", deprecationWarning: Widgets go}")))
    assert (own.message, own.remediation) == ("Widgets go", "ask the definition's authors what replaces it")


def test_a_definition_that_the_user_names_goes_before_one_among_the_manifests() -> None:
    fresh = definition("{name: v1beta1, served: true}")
    assert not found(f"{WIDGET}\n---\n{definition(V1, BETA)}", definitions=fresh)


def test_of_several_definitions_one_that_does_not_deprecate_is_enough() -> None:
    assert not found("\n---\n".join((WIDGET, definition(V1, BETA), definition("{name: v1beta1, served: true}"))))


@pytest.mark.parametrize(
    ("text", "path", "says"),
    [
        (
            "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {volumes: [{name: x, emptyDir: {}}, {name: y, rbd: {image: z}}]}}",
            "/spec/volumes/1/rbd",
            "Pod a: rbd is deprecated in v1.28, non-functional in v1.31+",
        ),
        (
            "{apiVersion: v1, kind: PersistentVolume, metadata: {name: a}, spec: {persistentVolumeReclaimPolicy: Recycle}}",
            "/spec/persistentVolumeReclaimPolicy",
            "PersistentVolume a: persistentVolumeReclaimPolicy is deprecated with the value Recycle",
        ),
        (
            "{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {externalIPs: [192.0.2.1]}}",
            "/spec/externalIPs",
            "Service a: externalIPs is deprecated in v1.36+",
        ),
        (
            (
                "{apiVersion: batch/v1, kind: CronJob, metadata: {name: a}, spec: {jobTemplate: {spec: {template: {spec:"
                " {nodeSelector: {beta.kubernetes.io/os: linux}}}}}}}"
            ),
            "/spec/jobTemplate/spec/template/spec/nodeSelector/beta.kubernetes.io~1os",
            "CronJob a places by the node label beta.kubernetes.io/os, deprecated since v1.14",
        ),
        (
            (
                "{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: a},"
                " allowedTopologies: [{matchLabelExpressions: [{key: failure-domain.beta.kubernetes.io/zone}]}]}"
            ),
            "/allowedTopologies/0/matchLabelExpressions/0/key",
            "StorageClass a places by the node label failure-domain.beta.kubernetes.io/zone, deprecated since v1.17",
        ),
    ],
)
def test_a_deprecated_field_is_told_at_its_place(text: str, path: str, says: str) -> None:
    (finding,) = found(text)
    assert (finding.rule, finding.path, finding.message) == ("KG2312", path, says)


def test_a_field_is_not_deprecated_before_its_time() -> None:
    assert not found("{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {externalIPs: [192.0.2.1]}}", 35)
    assert not found("{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {volumes: [{name: y, rbd: {image: z}}]}}", 27)


@pytest.mark.parametrize("spec", ["[]", "{volumes: 3}", "{volumes: [x, null]}", "{nodeSelector: 1}", "{affinity: {nodeAffinity: []}}"])
def test_what_has_another_shape_than_it_should_is_passed_over(spec: str) -> None:
    assert not found(f"{{apiVersion: v1, kind: Pod, metadata: {{name: a}}, spec: {spec}}}")
