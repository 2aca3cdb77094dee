"""APIs that a minor still serves and has deprecated: such a server takes the object, and says so in a warning.

The facts are those of each minor's own server (k8s.io/api/*/zz_generated.prerelease-lifecycle.go of its release branch); 1.37 is taken to
say what 1.36 does. The words are the server's (apiserver pkg/endpoints/deprecation/deprecation.go).
"""

from __future__ import annotations

from collections.abc import Mapping

from kgate.validate import api
from kgate.validate.cause import Cause

Span = tuple[int, int, int]
"""The first and the last minor that call it deprecated, and the one that is to remove it: 29 is 1.29."""

_ADMISSION = ("MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding")
_CLAIMS = ("DeviceClass", "ResourceClaim", "ResourceClaimTemplate", "ResourceSlice")
_FLOW = ("FlowSchema", "PriorityLevelConfiguration")
_ADDRESSES = ("IPAddress", "ServiceCIDR")

_BY_VERSION: tuple[tuple[str, tuple[str, ...], tuple[Span, ...]], ...] = (
    ("admissionregistration.k8s.io/v1alpha1", _ADMISSION, ((35, 37, 38),)),
    ("admissionregistration.k8s.io/v1beta1", _ADMISSION, ((37, 37, 40),)),
    ("admissionregistration.k8s.io/v1beta1", ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"), ((31, 33, 34),)),
    ("authentication.k8s.io/v1alpha1", ("SelfSubjectReview",), ((29, 31, 32),)),
    ("authentication.k8s.io/v1beta1", ("SelfSubjectReview",), ((30, 32, 33),)),
    ("autoscaling/v2beta2", ("HorizontalPodAutoscaler",), ((23, 25, 26),)),
    # 1.33 gave the alpha version more time.
    ("certificates.k8s.io/v1alpha1", ("ClusterTrustBundle",), ((29, 32, 32), (34, 36, 37))),
    ("certificates.k8s.io/v1beta1", ("ClusterTrustBundle",), ((37, 37, 40),)),
    ("coordination.k8s.io/v1alpha2", ("LeaseCandidate",), ((35, 37, 38),)),
    ("coordination.k8s.io/v1beta1", ("LeaseCandidate",), ((36, 37, 39),)),
    ("flowcontrol.apiserver.k8s.io/v1beta1", _FLOW, ((23, 25, 26),)),
    ("flowcontrol.apiserver.k8s.io/v1beta2", _FLOW, ((26, 28, 29),)),
    ("flowcontrol.apiserver.k8s.io/v1beta3", _FLOW, ((29, 31, 32),)),
    ("networking.k8s.io/v1alpha1", ("ClusterCIDR",), ((28, 28, 31),)),
    ("networking.k8s.io/v1alpha1", _ADDRESSES, ((30, 30, 33),)),
    ("networking.k8s.io/v1beta1", _ADDRESSES, ((34, 36, 37),)),
    ("resource.k8s.io/v1alpha3", ("DeviceTaintRule",), ((36, 37, 39),)),
    ("resource.k8s.io/v1beta1", _CLAIMS, ((35, 37, 38),)),
    ("resource.k8s.io/v1beta2", _CLAIMS, ((36, 37, 39),)),
    ("storage.k8s.io/v1alpha1", ("VolumeAttributesClass",), ((32, 34, 35),)),
    ("storage.k8s.io/v1beta1", ("CSIStorageCapacity",), ((24, 26, 27),)),
    ("storage.k8s.io/v1beta1", ("VolumeAttributesClass",), ((34, 36, 37),)),
    ("storagemigration.k8s.io/v1alpha1", ("StorageVersionMigration",), ((33, 34, 36),)),
)

DEPRECATED: Mapping[tuple[str, str], tuple[Span, ...]] = {(version, kind): spans for version, kinds, spans in _BY_VERSION for kind in kinds}


def cause(known: api.Api, minor: str) -> Cause | None:
    """What a server of `minor` warns of when it takes an object of this API; None when there is nothing to warn of."""
    number = int(minor.partition(".")[2])
    for first, last, removed in DEPRECATED.get((known.version, known.kind), ()):
        if first <= number <= last:
            message = f"{known.version} {known.kind} is deprecated in v1.{first}+, unavailable in v1.{removed}+"
            return said(message, _instead(known, minor, f"1.{removed}"))
    return None


def said(message: str, remediation: str) -> Cause:
    return Cause(path=("apiVersion",), reason="Deprecated", message=message, remediation=remediation)


def _instead(known: api.Api, minor: str, removed: str) -> str:
    use = api.replacement(known.kind, minor, known.version)
    if use != known.version:
        return f"use apiVersion: {use}"
    return f"Kubernetes {minor} serves nothing newer: change it before the cluster becomes {removed}"
