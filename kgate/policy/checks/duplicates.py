"""What stands twice, where the later word silently wins."""

from __future__ import annotations

from collections.abc import Iterator

from kgate.edit import Edit, Operation
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
            path = (*container.path, "env", index, "name")
            yield Violation(manifest=container.manifest, path=path, message=says, edits=_without(container, name, seen[name], index))
        seen[name] = index


def _without(container: Container, name: str, first: int, last: int) -> tuple[Edit, ...]:
    """The earlier one goes, unless a variable between them is made of it."""
    between = [text(variable, "value") for index, variable in entries(container.body, "env") if first < index <= last]
    if any(f"$({name})" in value for value in between):
        return ()
    return (Edit(path=(*container.path, "env", first), operation=Operation.REMOVE),)
