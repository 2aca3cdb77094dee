"""What is wrong with waivers. They cannot be waived themselves."""

from __future__ import annotations

from kgate.finding import Rule, Severity, Stage


def _rule(number: str, name: str, severity: Severity, summary: str, why: str, remediation: str) -> Rule:
    return Rule(id=number, name=name, stage=Stage.POLICY, severity=severity, summary=summary, why=why, remediation=remediation)


MALFORMED = _rule(
    "KG9011", "waiver-malformed", Severity.WARNING, "waiver cannot be understood and waives nothing",
    "A waiver that says less than which rules and why would hide more than somebody has looked at.",
    'write for example `# kgate: ignore[read-only-root-fs] reason="writes its cache" until=2027-01-31`',
)  # fmt: skip
REFUSED = _rule(
    "KG9012", "waiver-refused", Severity.WARNING, "waiver names a rule that cannot be waived",
    "What the API server refuses it refuses whatever is written here, and a locked rule holds for everybody.",
    "correct what the rule finds, and remove its name from the waiver",
)  # fmt: skip
EXPIRED = _rule(
    "KG9013", "waiver-expired", Severity.WARNING, "waiver has expired",
    "A waiver holds until its day, so that somebody looks again; since then what it covered counts.",
    "remove the waiver, or look again and give it a new day",
)  # fmt: skip
UNUSED = _rule(
    "KG9014", "waiver-unused", Severity.INFO, "waiver covers nothing",
    "Nothing of the rule was found where the waiver holds: what is left of it would hide the next fault.",
    "remove the waiver",
)  # fmt: skip

RULES: tuple[Rule, ...] = (MALFORMED, REFUSED, EXPIRED, UNUSED)
