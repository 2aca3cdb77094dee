"""APIs that a minor serves and has deprecated are warnings, never refusals."""

from __future__ import annotations

import pytest

from kgate.finding import Severity
from kgate.validate import VERSIONS
from kgate.validate.deprecations import DEPRECATED
from kgate.validate.schemas import bundle
from tests.validate.validated import judged, thing


@pytest.mark.parametrize(
    ("api_version", "kind", "version", "message", "remediation"),
    [
        (
            "autoscaling/v2beta2",
            "HorizontalPodAutoscaler",
            "1.25",
            "autoscaling/v2beta2 HorizontalPodAutoscaler is deprecated in v1.23+, unavailable in v1.26+",
            "use apiVersion: autoscaling/v2",
        ),
        (
            "flowcontrol.apiserver.k8s.io/v1beta3",
            "FlowSchema",
            "1.31",
            "flowcontrol.apiserver.k8s.io/v1beta3 FlowSchema is deprecated in v1.29+, unavailable in v1.32+",
            "use apiVersion: flowcontrol.apiserver.k8s.io/v1",
        ),
        (
            "storage.k8s.io/v1beta1",
            "VolumeAttributesClass",
            "1.34",
            "storage.k8s.io/v1beta1 VolumeAttributesClass is deprecated in v1.34+, unavailable in v1.37+",
            "use apiVersion: storage.k8s.io/v1",
        ),
        (
            "coordination.k8s.io/v1alpha2",
            "LeaseCandidate",
            "1.36",
            "coordination.k8s.io/v1alpha2 LeaseCandidate is deprecated in v1.35+, unavailable in v1.38+",
            "use apiVersion: coordination.k8s.io/v1beta1",
        ),
    ],
)
def test_a_deprecated_api_is_a_warning_at_its_version(api_version: str, kind: str, version: str, message: str, remediation: str) -> None:
    (finding,) = [f for f in judged(thing(api_version, kind), version=version).findings if f.severity is Severity.WARNING]
    assert (finding.rule, finding.name, finding.path) == ("KG1201", "api-deprecated", "/apiVersion")
    assert (finding.message, finding.remediation) == (message, remediation)


@pytest.mark.parametrize(
    ("api_version", "kind", "version"),
    [
        ("autoscaling/v2", "HorizontalPodAutoscaler", "1.25"),
        ("flowcontrol.apiserver.k8s.io/v1beta3", "FlowSchema", "1.28"),
        ("certificates.k8s.io/v1alpha1", "ClusterTrustBundle", "1.33"),
        ("apps/v1", "Deployment", "1.37"),
    ],
)
def test_an_api_is_not_deprecated_before_its_time(api_version: str, kind: str, version: str) -> None:
    assert not [f for f in judged(thing(api_version, kind), version=version).findings if f.severity is Severity.WARNING]


def test_whatever_is_called_deprecated_is_served_and_goes_when_it_is_said_to() -> None:
    newest = int(VERSIONS[-1].partition(".")[2])
    for (api_version, kind), spans in DEPRECATED.items():
        for first, last, removed in spans:
            for number in range(max(first, 25), last + 1):
                assert bundle().serves(api_version, kind, f"1.{number}")
            assert first <= last <= removed
        assert spans[-1][2] > newest or not bundle().serves(api_version, kind, f"1.{spans[-1][2]}")
