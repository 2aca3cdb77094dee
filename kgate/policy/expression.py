"""`expression:`: CEL that is true of every subject that satisfies the policy. Evaluated where a policy has one, loaded nowhere else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kgate import cel
from kgate.manifest import Manifest, Path
from kgate.policy.admission import place
from kgate.policy.context import NEWEST, Check, Context
from kgate.policy.policy import Policy, Violation
from kgate.policy.subjects import Image

NAMES = frozenset(("self", "object", "params"))
"""The subject (of an image its text), the object that it stands in, and the policy's params."""
_RETURNS = ("BOOL", "DYN", "ANY")


def program(text: str) -> cel.Program:
    """Raises CelError. Beside the server's libraries there are the extensions bindings, math and encoders."""
    found = cel.compiled(text, NAMES, NEWEST, beyond=True)
    if found.kind not in _RETURNS:
        raise cel.CompileError(f"it must be true or false, and is of type {found.kind}")
    return found


def demanding(policy: Policy) -> Check:
    asked, says = program(policy.expression), policy.message or policy.rule.summary

    def check(subject: Any, context: Context) -> Iterable[Violation]:
        manifest, path, value, name = _parts(subject)
        names = {"self": value, "object": manifest.body, "params": dict(context.params)}
        try:
            if asked.evaluate(names)[0] is True:
                return
            where = place.of(asked, names, {}, {"object": (), "self": path}) or path
            yield Violation(manifest=manifest, path=where, message=f"{name}: {says}")
        except cel.CelError as error:
            message = f"{name}: whether it holds cannot be told: {error.message} ({says})"
            yield Violation(manifest=manifest, path=path, message=message, remediation="write the policy so that it asks has() first")

    return check


def _parts(subject: Any) -> tuple[Manifest, Path, Any, str]:
    if isinstance(subject, Manifest):
        return subject, (), subject.body, f"{subject.kind} {subject.name}"
    value = subject.text if isinstance(subject, Image) else subject.body
    return subject.manifest, subject.path, value, str(subject)
