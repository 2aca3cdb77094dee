"""Which API an object belongs to."""

from __future__ import annotations

from typing import Any

import pytest

from kgate.errors import UsageError
from kgate.finding import Severity
from kgate.validate import VERSIONS
from kgate.validate.versions import minor
from tests.validate.validated import changed, deployment, judged, thing

SERVED = {"KG1002"}


@pytest.mark.parametrize(
    ("api_version", "kind", "version", "rule", "place", "words", "remedy"),
    [
        ("apps/v1", "Deploymnt", "1.36", "KG1001", "/kind", 'no kind "Deploymnt" is registered for version "apps/v1"', '"Deployment"?'),
        ("apps/v1", "deployment", "1.36", "KG1001", "/kind", 'no kind "deployment"', '"Deployment"?'),
        ("v1", "Deployment", "1.36", "KG1001", "/apiVersion", 'for version "v1"', '"apps/v1"?'),
        ("apps/v2", "Deployment", "1.36", "KG1001", "/apiVersion", 'for version "apps/v2"', '"apps/v1"?'),
        ("apps/v1 ", "Deployment", "1.36", "KG1001", "/apiVersion", 'for version "apps/v1 "', '"apps/v1"?'),
        ("app/v1", "Deployment", "1.36", "KG1001", "/apiVersion", 'for version "app/v1"', '"apps/v1"?'),
        ("apps/v1/x", "Deployment", "1.36", "KG1001", "/apiVersion", 'for version "apps/v1/x"', '"apps/v1"?'),
        ("v1", "Servcie", "1.36", "KG1001", "/kind", 'no kind "Servcie"', '"Service"?'),
        ("extensions/v1beta1", "Deployment", "1.36", "KG1002", "/apiVersion", "removed in 1.22", "use apiVersion: apps/v1"),
        ("extensions/v1beta1", "Ingress", "1.25", "KG1002", "/apiVersion", "removed in 1.22", "use apiVersion: networking.k8s.io/v1"),
        ("batch/v1beta1", "CronJob", "1.30", "KG1002", "/apiVersion", "removed in 1.25", "use apiVersion: batch/v1"),
        ("autoscaling/v2beta2", "HorizontalPodAutoscaler", "1.26", "KG1002", "/apiVersion", "removed in 1.26", "autoscaling/v2"),
        ("policy/v1beta1", "PodSecurityPolicy", "1.36", "KG1002", "/apiVersion", "removed in 1.25", "nothing in its place"),
        ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy", "1.29", "KG1002", "/apiVersion", "it came with 1.30", "v1beta1"),
    ],
)
def test_an_api_that_is_not_served_is_an_error_that_names_the_right_one(
    api_version: str, kind: str, version: str, rule: str, place: str, words: str, remedy: str
) -> None:
    result = judged(thing(api_version, kind), version=version)
    assert [f.rule for f in result.findings] == [rule] and not result.skipped
    finding = result.findings[0]
    assert finding.path == place and words in finding.message and remedy in finding.remediation


def test_an_api_is_fine_in_the_minors_that_serve_it() -> None:
    autoscaler = thing("autoscaling/v2beta2", "HorizontalPodAutoscaler")
    autoscaler["spec"] = {"maxReplicas": 3, "scaleTargetRef": {"kind": "Deployment", "name": "web", "apiVersion": "apps/v1"}}
    assert not [f for f in judged(autoscaler, version="1.25").findings if f.severity is Severity.ERROR]


@pytest.mark.parametrize(
    ("api_version", "kind", "reason"),
    [
        ("cert-manager.io/v1", "Certificate", "no schema for cert-manager.io/v1 Certificate"),
        ("gateway.networking.k8s.io/v1", "HTTPRoute", "no schema for gateway.networking.k8s.io/v1 HTTPRoute"),
        ("skaffold/v4beta1", "Config", "no Kubernetes object: skaffold/v4beta1 is no API group"),
        ("v1", "Config", "no Kubernetes object: a kubeconfig"),
    ],
)
def test_what_is_not_of_kubernetes_itself_is_skipped_and_said(api_version: str, kind: str, reason: str) -> None:
    result = judged(thing(api_version, kind))
    assert not result.findings
    assert [(s.reason, s.wanted) for s in result.skipped] == [(reason, False)]


@pytest.mark.parametrize("value", [None, "", 5, True, [], {}])
@pytest.mark.parametrize("name", ["apiVersion", "kind"])
def test_a_missing_or_mistyped_api_is_an_error_at_its_place(name: str, value: Any) -> None:
    (finding,) = judged(changed(deployment(), name, value)).findings
    assert finding.path == f"/{name}"


def test_a_body_that_claims_nothing_is_skipped() -> None:
    result = judged({"foo": 1})
    assert not result.findings and result.skipped[0].reason.startswith("no Kubernetes object")


@pytest.mark.parametrize("written", ["1.31", "v1.31", "v1.31.4", "1.31.4", "1.31+", "v1.31.4-gke.1200", "1.31.0+k3s1", " 1.31 "])
def test_a_version_is_read_as_people_write_it(written: str) -> None:
    assert minor(written) == "1.31"


@pytest.mark.parametrize("written", ["1.24", "1.38", "latest", "", "2.31", "1.3", "1", "1.31.x", "1.31" + "0" * 500])
def test_an_unknown_version_is_a_usage_error_that_names_the_known_ones(written: str) -> None:
    with pytest.raises(UsageError) as caught:
        judged(deployment(), version=written)
    assert all(v in caught.value.hint for v in VERSIONS)
