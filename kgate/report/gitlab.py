"""GitLab Code Quality (`artifacts:reports:codequality`): an array of issues, each with a fingerprint of its own.

GitLab shows the description and neither `check_name` nor the severity of a tool's own scale, so the description starts with the rule.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from kgate.finding import Finding, Severity
from kgate.outcome import Report
from kgate.report import summary
from kgate.report.style import Style

_SEVERITIES = {Severity.ERROR: "major", Severity.WARNING: "minor", Severity.INFO: "info"}


def render(report: Report, style: Style) -> str:
    rows = ",\n ".join(json.dumps(issue).replace("##", "#\\u0023") for issue in _issues(report, style))
    return f"[{rows}]\n"


def _issues(report: Report, style: Style) -> Iterator[dict[str, Any]]:
    seen = Counter[str]()
    for f in report.findings:
        fingerprint = f.fingerprint
        seen[fingerprint] += 1
        # Of two issues with one fingerprint GitLab keeps the first.
        yield _issue(f, fingerprint if seen[fingerprint] == 1 else f"{fingerprint}-{seen[fingerprint]}", style)
    yield from _not_checked(report, style)


def _issue(f: Finding, fingerprint: str, style: Style) -> dict[str, Any]:
    told = f"{f.rule}: {f.message}" + (f" ({f.object})" if f.object is not None and f.object.kind else "")
    severity = _SEVERITIES[f.severity]
    if f.waived is not None:
        told, severity = f"{told} [waived: {f.waived}]", "info"
    return {
        "description": told,
        "check_name": f.name,
        "fingerprint": fingerprint,
        "severity": severity,
        "location": {"path": style.in_repository(f.file), "lines": {"begin": max(f.line, 1)}},
    }


def _not_checked(report: Report, style: Style) -> Iterator[dict[str, Any]]:
    """What was asked for and could not be checked stands in the merge request as well; a green list would be a lie."""
    import hashlib

    for file, line, reason in summary.missing(report):
        identity = "\0".join(("not-checked", file, str(line), reason))
        yield {
            "description": f"not checked: {reason}",
            "check_name": "not-checked",
            "fingerprint": hashlib.sha256(identity.encode("utf-8", "replace")).hexdigest()[:32],
            "severity": "minor",
            "location": {"path": style.in_repository(file), "lines": {"begin": line}},
        }
