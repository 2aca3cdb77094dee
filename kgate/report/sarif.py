"""SARIF 2.1.0 for code scanning: one run, one result a finding, what was not checked as notifications.

The limits and the fields that GitHub reads are those of its documentation (SARIF support for code scanning, "results exceed limit").
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from kgate.finding import Finding, Severity, Stage, clean
from kgate.outcome import Report, Verdict
from kgate.report import summary
from kgate.report.style import Style

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_HOME = "https://pypi.org/project/kgate/"
MAX_RESULTS = 25_000
"""GitHub refuses a run with more. The mildest are left out, and a notification says how many."""
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_SCORES = {Severity.ERROR: "8.0", Severity.WARNING: "5.0", Severity.INFO: "2.0"}
"""`security-severity`, a number as text: from 7 on GitHub shows high, from 4 on medium."""


def render(report: Report, style: Style) -> str:
    kept = _kept(report.findings)
    rules = _rules(kept)
    run = {
        "tool": {"driver": _driver(report, rules.values())},
        "automationDetails": {"id": "kgate/"},
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(report, style, len(report.findings) - len(kept))],
        "results": list(_results(kept, list(rules), style)),
    }
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=1).replace("##", "#\\u0023") + "\n"


def _kept(findings: Sequence[Finding]) -> Sequence[Finding]:
    if len(findings) <= MAX_RESULTS:
        return findings
    worst = sorted(range(len(findings)), key=lambda i: (findings[i].severity.rank, i))[:MAX_RESULTS]
    return [findings[i] for i in sorted(worst)]


def _rules(findings: Iterable[Finding]) -> dict[str, dict[str, Any]]:
    """By identifier, those that fired; a rule is told in the words of its first and worst finding."""
    first: dict[str, Finding] = {}
    for f in sorted(findings, key=lambda f: (f.rule, f.severity.rank, f.order)):
        first.setdefault(f.rule, f)
    return {rule: _rule(f) for rule, f in first.items()}


def _rule(f: Finding) -> dict[str, Any]:
    words = f.name.replace("-", " ")
    why = f.why or words
    security = f.stage is Stage.IMAGES or f.rule.startswith("KG21")
    properties: dict[str, Any] = {"tags": ["kubernetes", f.stage.value, *(["security"] if security else [])], "precision": "high"}
    if security:
        properties["security-severity"] = _SCORES[f.severity]
    more = f"`kgate explain {f.rule}` tells more."
    return {
        "id": f.rule,
        "name": _pascal(f.name),
        "shortDescription": {"text": _sentence(words)},
        "fullDescription": {"text": _sentence(why)},
        "help": {"text": f"{_sentence(why)} {more}", "markdown": f"{_markdown(_sentence(why))}\n\n{more}"},
        "helpUri": _HOME,
        "defaultConfiguration": {"level": _LEVELS[f.severity]},
        "properties": properties,
    }


def _pascal(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in name.split("-")) or "Unnamed"


def _sentence(text: str) -> str:
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else text + "."


def _markdown(text: str) -> str:
    from kgate.report.markdown import escaped

    return escaped(text)


def _driver(report: Report, rules: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "name": "kgate",
        "version": report.version,
        "semanticVersion": report.version,
        "informationUri": _HOME,
        "rules": list(rules),
    }


def _results(findings: Iterable[Finding], rules: Sequence[str], style: Style) -> Iterable[dict[str, Any]]:
    index, seen = {rule: i for i, rule in enumerate(rules)}, Counter[str]()
    for f in findings:
        fingerprint = f.fingerprint
        seen[fingerprint] += 1
        yield _result(f, index[f.rule], f"{fingerprint}:{seen[fingerprint]}", style)


def _result(f: Finding, index: int, fingerprint: str, style: Style) -> dict[str, Any]:
    told = _sentence(f.message) + (f" {_sentence(f.remediation)}" if f.remediation else "")
    result: dict[str, Any] = {
        "ruleId": f.rule,
        "ruleIndex": index,
        "level": _LEVELS[f.severity],
        "message": {"text": told},
        "locations": [_location(f, style)],
        "partialFingerprints": {"primaryLocationLineHash": fingerprint, "kgate/v1": fingerprint},
    }
    if f.waived is not None:
        result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": f.waived or "waived"}]
    return result


def _location(f: Finding, style: Style) -> dict[str, Any]:
    place: dict[str, Any] = {
        "physicalLocation": {
            "artifactLocation": {"uri": uri(style.in_repository(f.file))},
            "region": {"startLine": max(f.line, 1), "startColumn": max(f.column, 1)},
        }
    }
    if f.object is not None and f.object.kind:
        place["logicalLocations"] = [
            {"fullyQualifiedName": f"{f.object}{f.path}", "name": f.object.name or f.object.kind, "kind": "object"}
        ]
    return place


def uri(path: str) -> str:
    """A relative reference (an absolute one for an absolute path); a `:` in the first segment would be taken for a scheme."""
    encoded = quote(path.encode("utf-8", "surrogateescape"), safe="/-._~")
    return f"file://{encoded}" if path.startswith("/") else encoded or "."


def _invocation(report: Report, style: Style, left_out: int) -> dict[str, Any]:
    """A run that could not check everything is not a success, even where no result is an error."""
    notes = [_note("warning", f"not checked: {reason}", file, line, style) for file, line, reason in summary.missing(report)]
    notes += [_note("note", f"not checked: {s.reason}", s.file, s.line, style) for s in report.skipped if not s.wanted]
    notes += [
        {"level": "warning", "message": {"text": f"{clean(i.image)}: image not scanned: {i.reason or 'no reason known'}"}}
        for i in report.images
        if not i.scanned
    ]
    if left_out:
        notes.append(
            {"level": "warning", "message": {"text": f"{left_out} milder findings are left out: a run holds {MAX_RESULTS} results"}}
        )
    return {
        "executionSuccessful": report.verdict is not Verdict.INCOMPLETE,
        "exitCode": report.exit_code,
        "exitCodeDescription": report.verdict.value,
        "toolExecutionNotifications": notes,
    }


def _note(level: str, text: str, file: str, line: int, style: Style) -> dict[str, Any]:
    place = {"artifactLocation": {"uri": uri(style.in_repository(file))}, "region": {"startLine": max(line, 1)}}
    return {"level": level, "message": {"text": clean(text)}, "locations": [{"physicalLocation": place}]}
