"""`kgate rules` and `kgate explain`: what kgate can find, from every room."""

from __future__ import annotations

from typing import Any

from kgate.errors import UsageError
from kgate.finding import Rule, Stage
from kgate.report import Style
from kgate.report.style import columns, wrapped

_WIDE = 100


def rules() -> tuple[Rule, ...]:
    """Every rule of every room, by identifier."""
    from kgate import config, images, load, policy, rollout, validate
    from kgate.rollout import questions

    rooms = (config.RULES, load.RULES, validate.RULES, policy.catalog().rules, images.RULES, rollout.RULES, questions.RULES)
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
    told = f"{rule.severity}, stage {rule.stage}{'' if rule.enabled else ', off unless the settings switch it on'}"
    lines = [f"{head}  ({told})", "", style.shown(rule.summary), ""]
    for name, text in (("why", rule.why), ("fix", rule.remediation), ("see", " ".join(rule.references)), ("set", _setting(rule))):
        rows = wrapped(style.shown(text), _WIDE) if text else []
        lines += [f"{name + ':' if not i else '':<6}{row}" for i, row in enumerate(rows)]
    return style.finished([*lines, *_examples(rule, style)])


def _setting(rule: Rule) -> str:
    """How the settings change what the rule says."""
    return f'policy: {{rules: {{{rule.name}: "off"}}}}, or error, warning, info, in .kgate.yaml' if rule.stage is Stage.POLICY else ""


def _examples(rule: Rule, style: Style) -> list[str]:
    """The first bad and the first good example of a policy; other rooms have none."""
    from kgate import policy

    found = next((p for p in policy.catalog().policies if p.rule.id == rule.id), None)
    if found is None:
        return []
    examples = policy.examples(found)
    lines: list[str] = []
    for title, body in (("with the settings", examples.settings), ("wrong", examples.bad[0]), ("right", examples.good[0])):
        lines += ["", f"{title}:", *("  " + style.shown(row) for row in _yaml(body))] if body else []
    return lines


def _yaml(body: Any) -> list[str]:
    import yaml

    text: str = yaml.safe_dump(body, sort_keys=False, default_flow_style=False, allow_unicode=True, width=100)
    return text.removesuffix("...\n").splitlines()


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
