"""What a container may do to its node, where the pod has a say as well."""

from __future__ import annotations

from collections.abc import Iterator

from kgate.policy.context import Context
from kgate.policy.nodes import at
from kgate.policy.policy import Violation
from kgate.policy.subjects import Container


def runs_as_root(container: Container, context: Context) -> Iterator[Violation]:
    """pod-security-admission, policy/check_runAsNonRoot.go: the container's word counts, the pod's where it says nothing."""
    own, pod = at(container.body, "securityContext", "runAsNonRoot"), at(container.pod.body, "securityContext", "runAsNonRoot")
    if own is True or (own is None and pod is True) or container.pod.body.get("hostUsers") is False:
        return
    says = "sets runAsNonRoot to false" if own is False else "may run as root: runAsNonRoot is true neither here nor on the pod"
    yield Violation(manifest=container.manifest, path=(*container.path, "securityContext", "runAsNonRoot"), message=f"{container} {says}")
