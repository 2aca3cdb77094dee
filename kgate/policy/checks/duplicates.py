"""What stands twice, where the later word silently wins."""

from __future__ import annotations

from collections.abc import Iterator

from kgate.policy.context import Context
from kgate.policy.nodes import entries, text
from kgate.policy.policy import Violation
from kgate.policy.subjects import Container


def duplicate_env(container: Container, context: Context) -> Iterator[Violation]:
    """The kubelet takes the last (pkg/kubelet, makeEnvironmentVariables); a server-side apply refuses it."""
    seen: dict[str, int] = {}
    for index, variable in entries(container.body, "env"):
        name = text(variable, "name")
        if name in seen:
            says = f"{container} sets the variable {name} twice, and the last one wins"
            yield Violation(manifest=container.manifest, path=(*container.path, "env", index, "name"), message=says)
        seen[name] = index
