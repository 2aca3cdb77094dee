"""Checks of peers, by the rules of kgate that answer the same question, and a way to compare both over the peers' own test cases."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kgate.finding import Finding, Severity
from kgate.load import manifests
from kgate.manifest import Manifest
from kgate.policy import PolicySettings, catalog, from_config, judge
from kgate.policy.trial import on_alone

BANK = Path(__file__).parent.parent.parent.parent / "shared" / "bank" / "policy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Same:
    """The rules that together answer what a peer's check asks, and the settings under which they do."""

    rules: tuple[str, ...]
    key: str = ""
    """Only findings whose path ends with it count: one of our rules may answer three of a peer's."""
    config: Mapping[str, Any] = field(default_factory=dict)


def same(*rules: str, **config: Any) -> Same:
    return Same(rules=rules, config=config)


def at_key(key: str, *rules: str) -> Same:
    return Same(rules=rules, key=key)


def params(rule: str, **values: Any) -> Same:
    return same(rule, rules={rule: {"severity": "warning", "params": values}})


def joined(*several: Same) -> Same:
    """The rules of all, each with its params."""
    rules = {rule: said for wanted in several for rule, said in wanted.config.get("rules", {}).items()}
    return Same(rules=tuple(rule for wanted in several for rule in wanted.rules), config={"rules": rules})


def any_probe(*probes: str) -> Same:
    return params("liveness-probe-missing", any_of=list(probes))


def grants(resources: list[str], groups: list[str], verbs: list[str]) -> Same:
    return params("pods-exec", resources=resources, groups=groups, verbs=verbs)


WORKLOADS = ["pods", "deployments", "jobs", "cronjobs", "statefulsets", "daemonsets", "replicasets", "replicationcontrollers"]
NETWORK = ["services", "endpoints", "endpointslices", "networkpolicies", "ingresses"]
WEBHOOKS = ["mutatingwebhookconfigurations", "validatingwebhookconfigurations"]
NET_RAW = params("pss-capabilities-drop-all", drop=["NET_RAW"])
CHANGING = ["create", "update", "patch", "delete", "deletecollection", "impersonate", "*"]
DEFAULT_CAPABILITIES = catalog().find("pss-capabilities-baseline").params["allowed"]  # type: ignore[union-attr]
SECCOMP = same("pss-seccomp-required", "pss-seccomp-unconfined")
DENIED = ["docker.io/**", "gcr.io/**", "quay.io/**", "registry.hub.docker.com/**"]
NON_ROOT = same("pss-run-as-non-root")
CAPABILITIES = same("pss-capabilities-baseline")
DROP_ALL = same("pss-capabilities-drop-all")
HOST_NAMESPACES = same("pss-host-namespaces")
ESCALATION = same("pss-privilege-escalation")
READ_ONLY = same("read-only-root-fs")
WILDCARD = same("rbac-wildcard")
ADMIN = same("cluster-admin")
DEFAULT_NAMESPACE = same("namespace-default")
TOKEN = same("service-account-token")

PEERS: Mapping[str, Mapping[str, Same]] = {
    "kyverno": {
        "disallow-selinux": same("pss-selinux"),
        "require-run-as-nonroot": NON_ROOT,
        "restrict-seccomp-strict": same("pss-seccomp-required", "pss-seccomp-unconfined"),
        "disallow-host-ports-range": params("pss-host-ports", allowed=["5000-6000"]),
        "disallow-capabilities": CAPABILITIES,
        "disallow-proc-mount": same("pss-proc-mount"),
        "restrict-sysctls": same("pss-sysctls"),
        "restrict-wildcard-resources": params("rbac-wildcard", fields=["resources"]),
        "disallow-host-path": same("pss-host-path"),
        "require-cpu-limits": same("cpu-limit-missing"),
        "require-ro-rootfs": READ_ONLY,
        "require-labels": same("label-required"),
        "require-drop-all": DROP_ALL,
        "require-drop-cap-net-raw": NET_RAW,
        "require-image-checksum": same("image-digest-required"),
        "require-probes": any_probe("livenessProbe", "readinessProbe", "startupProbe"),
        "imagepullpolicy-always": same("image-pull-policy"),
        "ensure-probes-different": same("probes-identical"),
        "podsecurity-subrule-baseline": same(
            "pss-privileged", "pss-host-namespaces", "pss-host-path", "pss-host-ports", "pss-capabilities-baseline"
        ),
    },
    "trivy-checks": {
        "KSV001": ESCALATION,
        "KSV005": CAPABILITIES,
        "KSV009": at_key("hostNetwork", "pss-host-namespaces"),
        "KSV010": at_key("hostPID", "pss-host-namespaces"),
        "KSV012": NON_ROOT,
        "KSV014": READ_ONLY,
        "KSV015": same("cpu-request-missing"),
        "KSV024": same("pss-host-ports"),
        "KSV027": same("pss-proc-mount"),
        "KSV036": TOKEN,
        "KSV105": at_key("runAsUser", "pss-run-as-non-root"),
        "KSV106": same("pss-capabilities-drop-all", "pss-capabilities-baseline", "pss-capabilities-restricted"),
        "KSV119": NET_RAW,
        "KSV048": grants(WORKLOADS, ["", "apps", "batch"], ["create", "update", "patch", "delete", "deletecollection", "impersonate", "*"]),
        "KSV056": grants(
            NETWORK, ["", "networking.k8s.io"], ["create", "update", "patch", "delete", "deletecollection", "impersonate", "*"]
        ),
        "KSV114": grants(
            WEBHOOKS, ["admissionregistration.k8s.io"], ["create", "update", "patch", "delete", "deletecollection", "impersonate", "*"]
        ),
        "KSV043": grants(["groups"], [""], ["impersonate", "*"]),
        "KSV0108": at_key("externalIPs", "field-deprecated"),
        "KSV110": DEFAULT_NAMESPACE,
        "KSV113": params(
            "secrets-list", verbs=["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", "impersonate", "*"]
        ),
    },
    "polaris": {
        "automountServiceAccountToken": TOKEN,
        "dangerousCapabilities": CAPABILITIES,
        "deploymentMissingReplicas": same("replicas-too-few"),
        "hostNetworkSet": HOST_NAMESPACES,
        "hostPathSet": same("pss-host-path"),
        "memoryLimitsMissing": same("memory-limit-missing"),
        "missingPodDisruptionBudget": params("pdb-missing", least=1),
        "notReadOnlyRootFilesystem": READ_ONLY,
        "pdbDisruptionsIsZero": same("pdb-blocks-drain"),
        "rolebindingClusterAdminClusterRole": same("cluster-admin"),
        "rolebindingClusterAdminRole": ADMIN,
        "readinessProbeMissing": any_probe("readinessProbe"),
        "runAsRootAllowed": NON_ROOT,
        "tagNotSpecified": same("image-tag-missing", "image-tag-latest"),
    },
    "kube-linter": {
        "dangling-ingress": same("dangling-ingress"),
        "dangling-service": same("dangling-service"),
        "duplicate-env-var": same("duplicate-env"),
        "env-var-secret": same("secret-in-env-literal"),
        "host-ipc": HOST_NAMESPACES,
        "host-network": HOST_NAMESPACES,
        "host-pid": HOST_NAMESPACES,
        "liveness-port": same("probe-port-undeclared"),
        "minimum-three-replicas": params("replicas-too-few", least=3),
        "template-forbidden-annotation": same(
            "annotation-forbidden", annotations={"forbidden": [{"key": "reloader.stakater.com/auto", "message": "is not wanted"}]}
        ),
        "no-anti-affinity": same("spread-missing"),
        "no-read-only-root-fs": READ_ONLY,
        "non-existent-service-account": same("dangling-service-account"),
        "privileged-container": same("pss-privileged"),
        "readiness-port": same("probe-port-undeclared"),
        "required-label-owner": same("label-required", labels={"required": [{"key": "owner"}]}),
        "run-as-non-root": NON_ROOT,
        "sensitive-host-mounts": same("sensitive-host-mount"),
        "ssh-port": same("ssh-port"),
        "startup-port": same("probe-port-undeclared"),
        "wildcard-in-rules": WILDCARD,
    },
    "kube-score": {
        "Container Memory Requests Equal Limits": same("memory-request-not-limit"),
        "Container CPU Requests Equal Limits": params("memory-request-not-limit", resource="cpu"),
        "Container Ephemeral Storage Request and Limit": same("ephemeral-storage-missing"),
        "Container Seccomp Profile": same("pss-seccomp-required", "pss-seccomp-unconfined"),
        "Container Security Context ReadOnlyRootFilesystem": READ_ONLY,
        "Deployment has PodDisruptionBudget": params("pdb-missing", least=1),
        "Deployment has host PodAntiAffinity": same("spread-missing"),
        "HorizontalPodAutoscaler has target": same("hpa-target"),
        "Ingress targets Service": same("dangling-ingress", "service-port-mismatch"),
        "NetworkPolicy targets Pod": same("dangling-networkpolicy"),
        "Service Targets Pod": same("dangling-service"),
    },
    "checkov": {
        "AllowedCapabilities": same("pss-capabilities-baseline", "pss-capabilities-restricted"),
        "AllowedCapabilitiesSysAdmin": CAPABILITIES,
        "ImageTagFixed": same("image-tag-missing", "image-tag-latest"),
        "LivenessReadiness": same("liveness-probe-missing"),
        "DropCapabilities": NET_RAW,
        "Requests_Limits": same("cpu-limit-missing", "memory-limit-missing", "cpu-request-missing", "memory-request-missing"),
    },
    "datree": {
        "CIS_INVALID_VALUE_AUTOMOUNTSERVICEACCOUNTTOKEN": TOKEN,
        "CIS_INVALID_WILDCARD_ROLE": WILDCARD,
        "CONTAINERS_INCORRECT_HOSTIPC_VALUE_TRUE": HOST_NAMESPACES,
        "CONTAINERS_INCORRECT_HOSTPID_VALUE_TRUE": HOST_NAMESPACES,
        "CONTAINERS_INCORRECT_READONLYROOTFILESYSTEM_VALUE": READ_ONLY,
        "CONTAINERS_MISSING_IMAGE_VALUE_VERSION": same("image-tag-missing", "image-tag-latest"),
        "CONTAINERS_MISSING_KEY_ALLOWPRIVILEGEESCALATION": ESCALATION,
        "CONTAINERS_MISSING_MEMORY_LIMIT_KEY": same("memory-limit-missing"),
        "DEPLOYMENT_INCORRECT_REPLICAS_VALUE": same("replicas-too-few"),
        "EKS_INVALID_MEMORY_REQUEST_LIMIT": same("memory-request-not-limit"),
        "CIS_INVALID_VALUE_CREATE_POD": grants(["pods", "*"], [""], ["create", "*"]),
        "EKS_INVALID_SELINUXOPTIONS_ROLE_VALUE": at_key("role", "pss-selinux"),
        "EKS_INVALID_SELINUXOPTIONS_USER_VALUE": at_key("user", "pss-selinux"),
    },
    "gatekeeper": {
        "general/imagedigests": same("image-digest-required"),
        "general/ephemeralstoragelimit": joined(
            same("ephemeral-storage-missing"), params("resource-range", ranges={"limits.ephemeral-storage": {"min": "0", "max": "500Mi"}})
        ),
        "general/requiredannotations": same(
            "annotation-required",
            annotations={"required": [{"key": "a8r.io/owner", "kinds": ["Service"]}, {"key": "a8r.io/runbook", "kinds": ["Service"]}]},
        ),
        "pod-security-policy/capabilities": CAPABILITIES,
        "pod-security-policy/users": NON_ROOT,
        "general/poddisruptionbudget": same("pdb-blocks-drain"),
        "pod-security-policy/allow-privilege-escalation": ESCALATION,
        "pod-security-policy/host-namespaces": HOST_NAMESPACES,
        "pod-security-policy/privileged-containers": same("pss-privileged"),
        "pod-security-policy/volumes": same("pss-host-path", "pss-volume-types"),
    },
    "kubescape-vap": {
        "C-0001": same("image-repository-denied", images={"denied": [{"repository": name} for name in DENIED]}),
        "C-0018": any_probe("readinessProbe"),
        "C-0020": params("sensitive-host-mount", paths={"which holds credentials": ["/etc/kubernetes/"]}),
        "C-0199": joined(NET_RAW, CAPABILITIES),
        "C-0009": same("cpu-limit-missing", "memory-limit-missing"),
        "C-0012": same("secret-in-env-literal", "secret-in-configmap"),
        "C-0016": ESCALATION,
        "C-0034": TOKEN,
        "C-0048": same("pss-host-path"),
        "C-0050": joined(
            same("cpu-limit-missing", "cpu-request-missing"),
            params("resource-range", ranges={"requests.cpu": {"min": "0.1", "max": "5"}, "limits.cpu": {"min": "1", "max": "5"}}),
        ),
        "C-0057": joined(same("pss-privileged"), params("pss-capabilities-baseline", allowed=[*DEFAULT_CAPABILITIES, "NET_ADMIN"])),
        "C-0074": same("sensitive-host-mount"),
        "C-0195": at_key("hostIPC", "pss-host-namespaces"),
        "C-0197": ESCALATION,
        "C-0280": grants(
            ["certificatesigningrequests/approval", "certificatesigningrequests/*", "*"], ["certificates.k8s.io"], ["update", "patch", "*"]
        ),
        "C-0200": same("pss-capabilities-baseline", "pss-capabilities-restricted"),
        "C-0201": same("pss-capabilities-drop-all", "pss-capabilities-baseline", "pss-capabilities-restricted"),
        "C-0203": same("pss-host-path"),
        "C-0204": same("pss-host-ports"),
        "C-0212": DEFAULT_NAMESPACE,
    },
    "regolibrary": {
        "duplicate-env-var": same("duplicate-env"),
        "resource-policies": same("cpu-limit-missing", "memory-limit-missing", "cpu-request-missing", "memory-request-missing"),
        "rule-can-approve-cert-signing-request": grants(
            ["certificatesigningrequests/approval", "certificatesigningrequests/*", "*"], ["certificates.k8s.io"], ["update", "patch", "*"]
        ),
        "rule-can-create-service-account-token": grants(["serviceaccounts/token", "*"], [""], ["create", "*"]),
        "rule-can-portforward-v1": grants(["pods/portforward", "pods/*", "*"], [""], ["create", "get", "*"]),
        "rule-excessive-delete-rights-v1": grants([*WORKLOADS, "secrets", "*"], ["", "apps", "batch"], ["delete", "deletecollection", "*"]),
        "rule-can-bind-escalate": grants(["roles", "clusterroles", "*"], ["rbac.authorization.k8s.io"], ["bind", "escalate", "*"]),
        "endpointslice-in-default-namespace": DEFAULT_NAMESPACE,
        "host-pid-ipc-privileges": HOST_NAMESPACES,
        "lease-in-default-namespace": DEFAULT_NAMESPACE,
        "replicationcontroller-in-default-namespace": DEFAULT_NAMESPACE,
        "resources-cpu-limits": same("cpu-limit-missing"),
        "resources-memory-limits": same("memory-limit-missing"),
        "role-in-default-namespace": DEFAULT_NAMESPACE,
        "rule-allow-privilege-escalation": ESCALATION,
        "rule-privileged-container": same("pss-privileged", "pss-capabilities-baseline"),
        "serviceaccount-in-default-namespace": DEFAULT_NAMESPACE,
        "service-with-no-workload": same("dangling-service"),
        "set-hostprocess-true": same("pss-host-process"),
    },
}
"""By peer and check. What is not here asks something that kgate does not: control planes, service types, opinions of one vendor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    tool: str
    check: str
    name: str
    peer_fails: bool
    found: tuple[Finding, ...]
    file: str

    @property
    def agrees(self) -> bool:
        return self.peer_fails is bool(self.found)


def entries() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((BANK / "index.json").read_text())
    return found


def compared() -> Iterator[Compared]:
    """Every case of the bank whose check is in the table."""
    read: dict[tuple[str, ...], tuple[Manifest, ...]] = {}
    judged: dict[tuple[tuple[str, ...], int], tuple[Finding, ...]] = {}
    for entry in entries():
        wanted = PEERS.get(entry["tool"], {}).get(entry["check"])
        if wanted is None or entry["expect"] not in ("pass", "fail"):
            continue
        files = tuple(entry.get("manifests") or [entry["manifest"]])
        if files not in read:
            read[files] = tuple(manifests([str(BANK / file) for file in files]).manifests)
        if (files, id(wanted)) not in judged:
            judged[files, id(wanted)] = judge(read[files], catalog(), _settings(wanted))
        yield Compared(
            tool=entry["tool"],
            check=entry["check"],
            name=entry["name"],
            peer_fails=entry["expect"] == "fail",
            found=tuple(
                f
                for f in judged[files, id(wanted)]
                if f.name in wanted.rules and f.path.endswith(wanted.key) and _about(f, entry.get("object"))
            ),
            file=files[0],
        )


def _settings(wanted: Same) -> PolicySettings:
    return on_alone(wanted.rules, from_config(wanted.config))


def _about(finding: Finding, named: Mapping[str, str] | None) -> bool:
    if named is None or finding.object is None:
        return True
    return finding.object.kind == named["kind"] and finding.object.name == named["name"]


__all__ = ["BANK", "PEERS", "Compared", "Severity", "compared", "entries"]
