"""What is wrong with a baseline, and what none may know."""

from __future__ import annotations

from collections.abc import Collection

from kgate.finding import Finding, Rule, Severity, Stage

STALE = Rule(
    id="KG9021",
    name="baseline-stale",
    stage=Stage.POLICY,
    severity=Severity.INFO,
    summary="baseline knows findings that no longer occur",
    why="What stays in the baseline after it is corrected would hide it, should it come back.",
    remediation="write the baseline anew: the same command with --write-baseline in place of --baseline",
)

RULES: tuple[Rule, ...] = (STALE,)


def baselinable(finding: Finding, never: Collection[str]) -> bool:
    """Whether a baseline may know it. `never` are rules that are locked, and those that tell of what was not checked.

    What cannot be loaded or what the API server refuses is refused tomorrow as well, and a waived finding does not count anyway.
    """
    refused = finding.stage in (Stage.LOAD, Stage.VALIDATE) and finding.severity is Severity.ERROR
    return not refused and finding.waived is None and finding.rule not in never and not finding.rule.startswith("KG90")
