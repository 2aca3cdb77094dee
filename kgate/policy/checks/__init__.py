"""The checks that data cannot say, by the name that policies give in `check:`."""

from __future__ import annotations

from collections.abc import Mapping

from kgate.policy.checks import images, labels, lifecycle, pod_security, reliability, resources, rollout
from kgate.policy.context import Check

CHECKS: Mapping[str, Check] = {
    "image-reference": images.reference,
    "image-tag-missing": images.tag_missing,
    "image-tag-latest": images.tag_latest,
    "image-tag-floating": images.tag_floating,
    "image-tag-pattern": images.tag_pattern,
    "image-digest-required": images.digest_required,
    "image-registry-allowed": images.registry_allowed,
    "image-repository-denied": images.repository_denied,
    "image-unqualified": images.unqualified,
    "image-pull-policy": images.pull_policy,
    "image-drift": images.drift,
    "label-required": labels.label_required,
    "label-value": labels.label_value,
    "annotation-required": labels.annotation_required,
    "annotation-forbidden": labels.annotation_forbidden,
    "reserved-prefix": labels.reserved_prefix,
    "selector-unstable": labels.selector_unstable,
    "namespace-default": labels.namespace_default,
    "api-deprecated": lifecycle.api_deprecated,
    "field-deprecated": lifecycle.field_deprecated,
    "pss-capabilities-baseline": pod_security.capabilities_baseline,
    "pss-capabilities-restricted": pod_security.capabilities_restricted,
    "pss-capabilities-drop-all": pod_security.capabilities_not_dropped,
    "pss-privilege-escalation": pod_security.privilege_escalation,
    "pss-run-as-non-root": pod_security.runs_as_root,
    "pss-seccomp-unconfined": pod_security.seccomp_unconfined,
    "pss-seccomp-required": pod_security.seccomp_required,
    "pss-apparmor": pod_security.apparmor,
    "pss-selinux": pod_security.selinux,
    "pss-proc-mount": pod_security.proc_mount,
    "pss-proc-mount-restricted": pod_security.proc_mount_restricted,
    "pss-sysctls": pod_security.sysctls,
    "pss-host-process": pod_security.host_process,
    "pss-host-probe": pod_security.host_probe,
    "pss-volume-types": pod_security.volume_types,
    "readiness-missing": reliability.readiness_missing,
    "drain-blocked": reliability.drain_blocked,
    "autoscaler-target": reliability.autoscaler_target,
    "replicas-of-autoscaled": reliability.replicas_of_autoscaled,
    "request-missing": resources.request_missing,
    "limit-missing": resources.limit_missing,
    "max-unavailable-all": rollout.max_unavailable_all,
    "deadline-too-short": rollout.deadline_too_short,
}
