"""Peers' own cases against our rules: each check on which we disagree is here, with the reason why we stay with our answer."""

from __future__ import annotations

from collections import Counter

import pytest

from kgate.policy import catalog
from tests.policy.peers import BANK, PEERS, compared, entries

WRONG_GROUP = 'the case writes apiVersion "v1" for a kind of another group, which the validate stage refuses'
CAP_PREFIX = "the case writes all or CAP_NET_RAW: the standard knows ALL alone, and containerd drops nothing for a name with CAP_ before it"
EXEMPT = "the peer's settings exempt the image or path of the case; here a waiver does"
BINDING = "the peer exempts a binding by a name that a vendor gives it"
OTHER_CONTAINER = "containers of a pod share its ports: another container of the case opens the port; unknown names are refused by validate"

REASONS = {
    ("kyverno", "require-drop-cap-net-raw"): CAP_PREFIX,
    ("kyverno", "require-labels"): "the peer is content with the label on the pod template, here the workload itself carries it",
    ("kyverno", "disallow-proc-mount"): "since 1.35 the baseline standard lets pods with a user namespace unmask /proc",
    ("trivy-checks", "KSV106"): CAP_PREFIX,
    ("trivy-checks", "KSV119"): "runtimes give NET_RAW to a container that says nothing, so saying nothing is no answer",
    ("checkov", "AllowedCapabilitiesSysAdmin"): "the case has no container",
    ("polaris", "rolebindingClusterAdminClusterRole"): BINDING,
    ("polaris", "rolebindingClusterAdminRole"): BINDING,
    ("polaris", "pdbDisruptionsIsZero"): WRONG_GROUP,
    ("polaris", "deploymentMissingReplicas"): WRONG_GROUP,
    ("polaris", "runAsRootAllowed"): WRONG_GROUP,
    ("kube-linter", "dangling-service"): "custom workloads of the case may make the pods, so nothing is certainly absent",
    ("kube-linter", "liveness-port"): OTHER_CONTAINER,
    ("kube-linter", "readiness-port"): OTHER_CONTAINER,
    ("kube-linter", "startup-port"): OTHER_CONTAINER,
    ("kube-score", "Ingress targets Service"): "the case is refused by the API server, or mixes fields of two versions of the API",
    ("kube-score", "Container Seccomp Profile"): "the annotations of the case are ignored since 1.27",
    ("kube-score", "Container Ephemeral Storage Request and Limit"): "a limit alone is a request too",
    ("gatekeeper", "general/poddisruptionbudget"): "the budget of the case is in a file that the bank does not hand over",
    ("gatekeeper", "pod-security-policy/allow-privilege-escalation"): EXEMPT,
    ("gatekeeper", "pod-security-policy/privileged-containers"): EXEMPT,
    ("regolibrary", "service-with-no-workload"): "Service and pods stand in two files: what lies in other folders may be another cluster",
    ("kyverno", "imagepullpolicy-always"): "latest without a pull policy is Always by default; the peer wants it written",
    ("kubescape-vap", "C-0001"): "registry-1.docker.io is another host of docker.io, which a list of names does not know",
    ("kubescape-vap", "C-0020"): "the peer asks only where its settings name a cloud provider",
    ("kubescape-vap", "C-0199"): "the case adds another capability that the baseline standard forbids",
    ("kubescape-vap", "C-0012"): "the peer takes any value of a listed variable for a secret, here the value has to look like one",
    ("kubescape-vap", "C-0034"): "the peer asks ServiceAccounts as well, here the pods that use them are asked",
    ("kubescape-vap", "C-0074"): "/var leads to the socket in /var/run",
    ("datree", "CIS_INVALID_VALUE_AUTOMOUNTSERVICEACCOUNTTOKEN"): "the case is a ServiceAccount, here the pods that use it are asked",
    ("datree", "CONTAINERS_INCORRECT_HOSTPID_VALUE_TRUE"): "hostPID of the case stands outside of the pod, where the API server refuses it",
}


def test_the_table_names_rules_that_exist() -> None:
    known = {p.name for p in catalog().policies}
    assert {rule for checks in PEERS.values() for wanted in checks.values() for rule in wanted.rules} <= known


@pytest.mark.slow
@pytest.mark.skipif(not BANK.is_dir(), reason="the peers' cases are not here")
def test_we_agree_with_peers_or_know_why_not() -> None:
    every = list(compared())
    unknown = Counter((c.tool, c.check) for c in every if not c.agrees and (c.tool, c.check) not in REASONS)
    assert unknown == Counter()
    assert sum(c.agrees for c in every) >= 0.975 * len(every)
    assert len(every) >= 0.725 * len(entries())
