"""`kgate rules` and `kgate explain`: what kgate can find, from every room."""

from __future__ import annotations

from typing import Any

from kgate.errors import UsageError
from kgate.finding import Rule
from kgate.report import Style
from kgate.report.style import columns


def rules() -> tuple[Rule, ...]:
    """Every rule of every room, by identifier."""
    from kgate import images, load, policy, rollout, validate

    rooms = (load.RULES, validate.RULES, policy.catalog().rules, images.RULES, rollout.RULES)
    return tuple(sorted((rule for room in rooms for rule in room), key=lambda r: r.id))


def find(word: str) -> Rule:
    """The rule with that identifier or name, upper or lower case. Raises UsageError with the nearest one."""
    every = rules()
    found = next((r for r in every if word.upper() == r.id or word.lower() == r.name), None)
    if found is None:
        from difflib import get_close_matches

        close = get_close_matches(word.lower(), [n for r in every for n in (r.id.lower(), r.name)], n=1)
        near = next((r for r in every if close and close[0] in (r.id.lower(), r.name)), None)
        raise UsageError(f"there is no rule {word!r}", hint=f"did you mean {near.id} ({near.name})?" if near else "kgate rules lists them")
    return found


def table(every: tuple[Rule, ...], style: Style) -> str:
    rows = [(r.id, r.stage.value, r.severity.value if r.enabled else "off", r.name, style.shown(r.summary)) for r in every]
    return style.finished(columns([("rule", "stage", "severity", "name", "finds"), *rows]))


def explained(rule: Rule, style: Style) -> str:
    head = style.severity(rule.severity, rule.id) + style.paint("bold", f" {rule.name}")
    lines = [f"{head}  ({rule.severity}, stage {rule.stage}{'' if rule.enabled else ', off unless the settings switch it on'})", ""]
    lines += [style.shown(rule.summary), ""]
    lines += [f"why:  {style.shown(rule.why)}"] if rule.why else []
    lines += [f"fix:  {style.shown(rule.remediation)}"] if rule.remediation else []
    lines += [f"see:  {style.shown(', '.join(rule.references))}"] if rule.references else []
    return style.finished(lines)


def as_json(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "name": rule.name,
        "stage": rule.stage.value,
        "severity": rule.severity.value,
        "summary": rule.summary,
        "why": rule.why,
        "remediation": rule.remediation,
        "references": list(rule.references),
        "enabled": rule.enabled,
    }
