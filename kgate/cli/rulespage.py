"""The rules as Markdown: `kgate rules --report markdown` prints the whole page, docs/rules.md is that page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kgate.cli import catalogue
from kgate.finding import Rule, Stage
from kgate.report import Style
from kgate.report.markdown import block, code, escaped

_STAGES = {
    Stage.LOAD: "Loading and settings",
    Stage.VALIDATE: "What the API server would refuse",
    Stage.POLICY: "Policies",
    Stage.IMAGES: "Images",
    Stage.ROLLOUT: "Rollouts",
}
_TOP = """\
# Rules

Everything that kgate can find, from the same files that it judges by. `kgate explain RULE` prints one of these at the terminal.
[Waivers and baselines](waivers.md) are for findings that somebody answers for, [fixes](fix.md) for those that a tool can mend,
[policies](policies.md) for rules of your own. Severities are those without any settings; `off` is on only where the settings say so.
"""


def page(every: Sequence[Rule]) -> str:
    return "\n".join([_TOP, *(line for stage in Stage for line in _stage(stage, [r for r in every if r.stage is stage]))]) + "\n"


def _stage(stage: Stage, every: Sequence[Rule]) -> Iterator[str]:
    if every:
        yield f"## {_STAGES[stage]}\n"
        yield "| rule | name | severity | finds |\n|---|---|---|---|"
        yield from (f"| [{r.id}](#{anchor(r)}) | {escaped(r.name)} | {_severity(r)} | {_prose(r.summary)} |" for r in every)
        yield ""
        yield from (section(r) for r in every)


def anchor(rule: Rule) -> str:
    """As GitHub and the site make it from the heading."""
    return f"{rule.id.lower()}-{rule.name}"


def section(rule: Rule) -> str:
    """One rule, as `kgate explain RULE --report markdown` prints it."""
    told = [
        ("why", _prose(rule.why)),
        ("write", _prose(rule.remediation)),
        ("edit", _prose(catalogue.edit_of(rule))),
        ("settings", code(setting) if (setting := catalogue.setting_of(rule)) else ""),
        ("see", ", ".join(map(_reference, rule.references))),
    ]
    lines = [f"### {rule.id} {rule.name}\n", f"{_prose(rule.summary)}. Severity: {_severity(rule)}.\n"]
    lines += [f"- **{name}:** {text}" for name, text in told if text]
    return "\n".join([*lines, "", *_examples(rule)])


def _prose(text: str) -> str:
    """Rules put code between backticks; one without its partner is a backtick."""
    parts = text.split("`")
    if not len(parts) % 2:
        return escaped(text)
    return "".join(code(part) if i % 2 and part else escaped(part) for i, part in enumerate(parts))


def _severity(rule: Rule) -> str:
    return rule.severity.value if rule.enabled else f"{rule.severity.value}, off"


def _reference(text: str) -> str:
    return f"<{text}>" if text.startswith("https://") and " " not in text and ">" not in text else escaped(text)


def _examples(rule: Rule) -> Iterator[str]:
    for title, rows in catalogue.examples_of(rule):
        yield "\n".join([f"{title}:\n", *block(Style().shown(row) for row in rows), ""])
