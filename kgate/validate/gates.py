"""Feature gates that decide what a server validates: since which minor each is on by default (pkg/features/kube_features.go).

A field behind a gate that is off is dropped before validation, so that nothing in it can be wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

Gates = frozenset[str]
"""The features that are on."""

SINCE: Mapping[str, int] = {
    "CSIServiceAccountTokenSecrets": 35,
    "ContainerRestartRules": 35,
    "DynamicResourceAllocation": 34,
    "EnvFiles": 35,
    "HPAConfigurableTolerance": 35,
    "HPAValidatesApiVersions": 36,
    "HostnameOverride": 35,
    "ImageVolume": 35,
    "InPlacePodVerticalScaling": 33,
    "InitContainersResizeInPlace": 36,
    "JobBackoffLimitPerIndex": 29,
    "JobManagedBy": 32,
    "JobPodFailurePolicy": 26,
    "JobPodReplacementPolicy": 29,
    "JobSuccessPolicy": 31,
    "MatchLabelKeysInPodAffinity": 31,
    "MatchLabelKeysInPodTopologySpread": 27,
    "MutableCSINodeAllocatableCount": 35,
    "NodeInclusionPolicyInPodTopologySpread": 26,
    "PodLevelResources": 34,
    "PodLifecycleSleepAction": 30,
    "PodLifecycleSleepActionAllowZero": 33,
    "PodSchedulingReadiness": 27,
    "PreferSameTrafficDistribution": 34,
    "ProcMountType": 33,
    "RecursiveReadOnlyMounts": 31,
    "RelaxedDNSSearchValidation": 33,
    "RelaxedEnvironmentVariableValidation": 32,
    "RelaxedServiceNameValidation": 36,
    "RestartAllContainersOnContainerExits": 36,
    "SELinuxChangePolicy": 33,
    "ServiceTrafficDistribution": 31,
    "SidecarContainers": 29,
    "StatefulSetValidatesClaims": 36,
    "StrictIPCIDRValidation": 36,
    "SupplementalGroupsPolicy": 33,
    "UserNamespacesSupport": 33,
    "UserNamespacesWithoutDevices": 36,
}
"""The minor of Kubernetes 1. A gate that is not here is off everywhere (MaxUnavailableStatefulSet, TaintTolerationComparisonOperators).

HPAValidatesApiVersions, InitContainersResizeInPlace, StatefulSetValidatesClaims and UserNamespacesWithoutDevices are no gates but rules
that 1.36 has for certain and older minors perhaps not.
"""


@cache
def on(minor: str) -> Gates:
    """The gates of `1.31` with nothing set by hand."""
    number = int(minor.partition(".")[2])
    return frozenset(name for name, since in SINCE.items() if since <= number)
