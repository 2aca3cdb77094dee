"""`kgate rules` and `kgate explain`: what kgate can find, from every room."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NoReturn

from kgate.edit import Edit, Operation
from kgate.errors import UsageError
from kgate.finding import Rule, Stage
from kgate.manifest import pointer
from kgate.report import Style
from kgate.report.style import columns, wrapped

if TYPE_CHECKING:
    from kgate.policy import Catalog, Policy

_WIDE = 100


def rules() -> tuple[Rule, ...]:
    """Every rule of every room, by identifier."""
    from kgate import catalogue

    return catalogue.rules()


def find(word: str, own: Iterable[Rule] | None = None) -> Rule:
    """The rule with that identifier or name, upper or lower case. Raises UsageError with the nearest one.

    `own` are those of the user's own policies; without it, of the ones that the settings of the working directory name.
    """
    if (found := _called(word, rules())) is not None:
        return found  # whatever is wrong with the settings
    mine = tuple(_own().rules if own is None else own)
    return _called(word, mine) or _refuse(word, (*rules(), *mine))


def _called(word: str, every: Iterable[Rule]) -> Rule | None:
    return next((r for r in every if word.lower() in (r.id.lower(), r.name)), None)


def _refuse(word: str, every: tuple[Rule, ...]) -> NoReturn:
    from difflib import get_close_matches

    close = get_close_matches(word.lower(), [n for r in every for n in (r.id.lower(), r.name)], n=1)
    near = next((r for r in every if close and close[0] in (r.id.lower(), r.name)), None)
    raise UsageError(f"there is no rule {word!r}", hint=f"did you mean {near.id} ({near.name})?" if near else "kgate rules lists them")


def _own() -> Catalog:
    """The policies that hold in the working directory, those that its settings name included. Raises ConfigError."""
    from kgate import config, policy

    return policy.catalog_of(config.settled(config.discover((".",))).policy.paths)


def _policy(rule: Rule) -> Policy | None:
    from kgate import policy

    return policy.catalog().find(rule.id) if rule in rules() else _own().find(rule.id)


def table(every: tuple[Rule, ...], style: Style) -> str:
    rows = [(r.id, r.stage.value, r.severity.value if r.enabled else "off", r.name, style.shown(r.summary)) for r in every]
    return style.finished(columns([("rule", "stage", "severity", "name", "finds"), *rows]))


def explained(rule: Rule, style: Style) -> str:
    head = style.severity(rule.severity, rule.id) + style.paint("bold", f" {rule.name}")
    told = f"{rule.severity}, stage {rule.stage}{'' if rule.enabled else ', off unless the settings switch it on'}"
    lines = [f"{head}  ({told})", "", style.shown(rule.summary), ""]
    told_of = (
        ("why", rule.why), ("fix", rule.remediation), ("edit", edit_of(rule)), ("see", " ".join(rule.references)), ("set", setting_of(rule))
    )  # fmt: skip
    for name, text in told_of:
        rows = wrapped(style.shown(text), _WIDE) if text else []
        lines += [f"{name + ':' if not i else '':<6}{row}" for i, row in enumerate(rows)]
    return style.finished([*lines, *_examples(rule, style)])


def edit_of(rule: Rule) -> str:
    """What `kgate fix` does about it; empty when it does nothing."""
    from kgate.validate.rules import NOT_SERVED

    if rule.id == NOT_SERVED.id:
        return (
            "set /apiVersion, where the version that is served has the same fields (kgate fix does it; --unsafe also where defaults differ)"
        )
    found = _policy(rule)
    if found is None or (fix := found.fix) is None:
        return ""
    edits = "; ".join(_told(edit) for edit in fix.edits) or "what the finding says is edited at its place"
    when = f"kgate fix --unsafe does it, for it is not safe everywhere: {fix.unsafe}" if fix.unsafe else "kgate fix does it, it is safe"
    return f"{edits} ({when})"


def _told(edit: Edit) -> str:
    """`set /spec/paused: false`."""
    import json

    value = "" if edit.operation is Operation.REMOVE else f": {json.dumps(edit.value)}"
    return f"{edit.operation} {pointer(edit.path) or 'it'}{value}"


def setting_of(rule: Rule) -> str:
    """How the settings change what the rule says."""
    return (
        f'policy: {{rules: {{{rule.name}: "off"}}}}, or error, warning, info, in .kgate.yaml'
        if rule.stage is Stage.POLICY and not rule.id.startswith("KG9")
        else ""
    )


def _examples(rule: Rule, style: Style) -> list[str]:
    return [line for title, rows in examples_of(rule) for line in ("", f"{title}:", *("  " + style.shown(row) for row in rows))]


def examples_of(rule: Rule) -> list[tuple[str, list[str]]]:
    """The first bad and the first good example of a policy, as lines of YAML under a title; other rooms have none."""
    from kgate import policy

    found = _policy(rule)
    if found is None:
        return []
    examples = policy.examples(found)
    bad, good = (next(iter(these), None) for these in (examples.bad, examples.good))  # policies of one's own may have none
    shown = (("with the settings", examples.settings), ("wrong", bad), ("right", good))
    return [(title, _yaml(body)) for title, body in shown if body]


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
