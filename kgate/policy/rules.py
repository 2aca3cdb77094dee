"""The rules that are no policies: what the repository's own admission policies find."""

from __future__ import annotations

from kgate.finding import Rule, Severity, Stage

DENIED = Rule(
    id="KG2601",
    name="admission-policy",
    stage=Stage.POLICY,
    severity=Severity.ERROR,
    summary="a ValidatingAdmissionPolicy of the repository denies the object",
    why="A policy that is bound with Deny makes the API server refuse the object, with Warn it warns, with Audit it records it.",
    remediation="change the object as the policy asks for",
    references=("https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/",),
)

RULES = (DENIED,)
