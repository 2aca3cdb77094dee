"""What a container may do to its node, where the pod has a say as well."""

from __future__ import annotations

from collections.abc import Iterator

from kgate.manifest import Path
from kgate.policy.context import Context
from kgate.policy.nodes import at, whole
from kgate.policy.policy import Violation
from kgate.policy.subjects import Container

_CONTEXT = "securityContext"


def runs_as_root(container: Container, context: Context) -> Iterator[Violation]:
    """The container's word counts, the pod's where it says nothing.

    pod-security-admission, policy/check_runAsNonRoot.go and check_runAsUser.go; neither holds for pods with a user namespace.
    """
    if container.pod.body.get("hostUsers") is False:
        return
    own, pod = at(container.body, _CONTEXT, "runAsNonRoot"), at(container.pod.body, _CONTEXT, "runAsNonRoot")
    user = _place_of_user_zero(container)
    if user:
        yield Violation(manifest=container.manifest, path=user, message=f"{container} runs as root: runAsUser is 0")
    elif own is not True and (own is not None or pod is not True):
        says = "sets runAsNonRoot to false" if own is False else "may run as root: runAsNonRoot is true neither here nor on the pod"
        yield Violation(manifest=container.manifest, path=(*container.path, _CONTEXT, "runAsNonRoot"), message=f"{container} {says}")


def _place_of_user_zero(container: Container) -> Path:
    """Empty when the user is not 0, or unknown because the image decides."""
    own = at(container.body, _CONTEXT, "runAsUser")
    if own is not None:
        return (*container.path, _CONTEXT, "runAsUser") if whole(container.body, _CONTEXT, "runAsUser") == 0 else ()
    return (*container.pod.path, _CONTEXT, "runAsUser") if whole(container.pod.body, _CONTEXT, "runAsUser") == 0 else ()
