"""`kgate test`: the examples of policies and the expectations of scenarios, as text or JSON."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from kgate.errors import ConfigError, SettingError, UsageError
from kgate.finding import clean

if TYPE_CHECKING:
    from kgate.manifest import Source
    from kgate.policy.trial import Tried
    from kgate.report import Style
    from kgate.rollout.testing import Expected, Tested

_CANDIDATE = re.compile(r"""^\s*["']?(steps|examples|require|check|expression)["']?\s*:""", re.MULTILINE)
"""What a file that is met in a folder must hold to be looked into; most are manifests."""
_MOST_BYTES = 16 * 2**20
_SCENARIO = ("expect", "objects", "nodes", "kubelet", "input")
_POLICY = ("require", "check", "expression")


class Outcome(Struct, frozen=True, kw_only=True):
    """All that was tried."""

    policies: tuple[Tried, ...]
    scenarios: tuple[Tested, ...]
    untested: tuple[str, ...] = ()
    """Rules that no example tells about: policies without any, and those of other rooms than the policies'."""

    @property
    def exit_code(self) -> int:
        if any(p.failures for p in self.policies) or any(s.verdict == "fail" for s in self.scenarios):
            return 1
        empty = not self.policies and not self.scenarios
        return 3 if empty or any(s.verdict == "unknown" for s in self.scenarios) else 0

    @property
    def verdict(self) -> str:
        return {0: "pass", 1: "fail", 3: "incomplete"}[self.exit_code]


def test(paths: Sequence[str]) -> Outcome:
    """Without paths: the policies, built in and of the settings, and the scenarios of the working directory. Raises KgateError."""
    from kgate import rollout, validate

    files = _Files(paths or (".",), named=bool(paths))
    scenarios = tuple(rollout.test(files.scenarios, validate=validate.causes, sources=files.sources))
    policies = _tried(files.policies) if paths else _known()
    bare = tuple(p.policy.rule.id for p in policies if not p.trials)
    return Outcome(policies=policies, scenarios=scenarios, untested=(*bare, *(() if paths else _untested())))


def _known() -> tuple[Tried, ...]:
    from kgate import config, policy
    from kgate.policy.trial import try_policies

    return tuple(try_policies(policy.catalog_of(config.settled(config.discover((".",))).policy.paths)))


def _tried(texts: Sequence[tuple[str, str]]) -> tuple[Tried, ...]:
    from kgate.policy.trial import try_file

    out = []
    for file, text in texts:
        try:
            out.append(try_file(text, file))
        except SettingError as fault:
            raise ConfigError(f"{file}: the settings of its examples: {fault.message}", hint=fault.hint) from fault
    return tuple(out)


def _untested() -> tuple[str, ...]:
    from kgate import policy
    from kgate.cli import catalogue

    told = {rule.id for rule in policy.catalog().rules}
    return tuple(rule.id for rule in catalogue.rules() if rule.id not in told)


class _Files:
    """The scenarios and policies of the paths. A file that is named must be one of them; in a folder other files are passed over."""

    def __init__(self, paths: Sequence[str], *, named: bool) -> None:
        self.scenarios: list[tuple[str, Any]] = []
        self.policies: list[tuple[str, str]] = []
        self.sources: dict[str, Source] = {}
        for path in paths:
            before = len(self.scenarios) + len(self.policies)
            for file in _walk(Path(path)):
                self._add(file, named=not Path(path).is_dir())
            if named and before == len(self.scenarios) + len(self.policies):
                raise UsageError(f"{clean(path)}: no scenario and no policy in this folder", hint="a scenario has steps, a policy examples")

    def _add(self, path: Path, *, named: bool) -> None:
        from kgate import load

        text = path.read_bytes().decode("utf-8", "replace") if path.is_file() and path.stat().st_size <= _MOST_BYTES else ""
        if not named and not _CANDIDATE.search(text):
            return
        body, source = load.settings_file(str(path))
        shown = source.file
        keys = body if isinstance(body, Mapping) else {}
        if ("examples" in keys or "subject" in keys) and any(key in keys for key in _POLICY):
            self.policies.append((shown, text))
        elif named or _is_scenario(keys):
            self.scenarios.append((shown, body))
            self.sources[shown] = source


def _is_scenario(keys: Mapping[Any, Any]) -> bool:
    """Pipelines of build systems have steps, too; manifests have a kind."""
    part = keys.get("input") if isinstance(keys.get("input"), Mapping) else keys
    return "kind" not in keys and isinstance(part, Mapping) and "steps" in part and any(key in keys for key in _SCENARIO)


def _walk(path: Path) -> Iterator[Path]:
    if not path.exists():
        raise UsageError(f"{clean(str(path))}: no such file or folder", hint="paths are relative to the working directory")
    if not path.is_dir():
        yield path
        return
    for entry in sorted(path.iterdir()):
        if entry.is_symlink() or entry.name.startswith("."):
            continue  # a pull request can plant links; hidden folders are tools' own
        if entry.is_dir():
            yield from _walk(entry)
        elif entry.suffix in (".yaml", ".yml", ".json"):
            yield entry


def text(outcome: Outcome, style: Style) -> str:
    lines = [*_policy_lines(outcome, style)]
    for tested in outcome.scenarios:
        lines += _scenario_lines(tested, style)
    return style.finished([*lines, _summary(outcome, style)])


def _policy_lines(outcome: Outcome, style: Style) -> Iterator[str]:
    for tried in outcome.policies:
        head = f"{tried.policy.file}: {tried.policy.rule.id} {tried.policy.name}"
        for failure in tried.failures:
            yield f"{style.paint('red', 'fail')}  {style.shown(f'{head}: {failure}')}"


def _scenario_lines(tested: Tested, style: Style) -> Iterator[str]:
    about = style.shown(f"{tested.file}: {tested.name}")
    if tested.verdict == "unknown":
        yield f"{style.paint('yellow', 'not checked')}  {about}: {style.shown(tested.reason)}"
        return
    word = style.paint("green", "pass") if tested.verdict == "pass" else style.paint("red", "fail")
    yield f"{word}  {about} ({len(tested.expected) - len(tested.failures)} of {len(tested.expected)} expectations hold)"
    for e in tested.failures:
        yield "  " + style.shown(f"{tested.file}:{e.line}:{e.column}: expected: {e.expected}")
        yield "    " + style.shown(f"seen: {e.seen}{_first(e)}")


def _first(e: Expected) -> str:
    """The moment, unless what was seen tells it."""
    told = "" if e.first_ms is None else f"{e.first_ms / 1000:.3f}".rstrip("0").rstrip(".") + "s"
    return f" (first at {told})" if told and told not in e.seen else ""


def _summary(outcome: Outcome, style: Style) -> str:
    from kgate.report.style import counted

    verdicts = [s.verdict for s in outcome.scenarios]
    told = [f"{counted(len(outcome.policies), 'policy', 'policies')} by {sum(len(p.trials) for p in outcome.policies)} examples"]
    told += [counted(len(verdicts), "scenario")]
    failed = sum(bool(p.failures) for p in outcome.policies) + verdicts.count("fail")
    told += [f"{failed} failed"] if failed else []
    told += [f"{n} not checked"] if (n := verdicts.count("unknown")) else []
    bare = [p.policy.rule.id for p in outcome.policies if not p.trials]
    told += [f"no examples: {', '.join(map(style.shown, bare))}"] if bare else []
    others = len(outcome.untested) - len(bare)
    told += [f"{others} rules are no policies, which examples could try"] if others else []
    colour = {"pass": "green", "fail": "red", "incomplete": "yellow"}[outcome.verdict]
    return f"{style.paint(colour, outcome.verdict)}: {', '.join(told)}"


def as_json(outcome: Outcome, style: Style) -> str:
    import json

    policies = [
        {"rule": p.policy.rule.id, "name": p.policy.name, "file": p.policy.file, "examples": len(p.trials), "failures": list(p.failures)}
        for p in outcome.policies
    ]
    body = {
        "schema": "kgate.test/1",
        "verdict": outcome.verdict,
        "exit_code": outcome.exit_code,
        "policies": policies,
        "scenarios": [s.as_json() for s in outcome.scenarios],
        "rules_without_examples": list(outcome.untested),
    }
    return json.dumps(body, indent=2).replace("##", "#\\u0023") + "\n"


FORMATS = {"text": text, "json": as_json}
