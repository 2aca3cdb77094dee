"""Finds and loads the policies: one YAML file each, in `policies/<pack>/<name>.yaml` of a checkout or inside the wheel."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from functools import cached_property, lru_cache
from pathlib import Path as FilePath
from typing import Any

from msgspec import Struct

from kgate.errors import ConfigError, KgateError
from kgate.finding import Rule, Severity, Stage
from kgate.manifest import Path
from kgate.policy import compiled, yamldata
from kgate.policy.checks import CHECKS
from kgate.policy.fixing import KEYS, edits_of
from kgate.policy.policy import Anchor, Examples, Fix, Policy, SubjectKind
from kgate.policy.standard import Level
from kgate.policy.subjects import Role

PACKS = ("images", "labels", "security", "reliability", "resources", "rollout")

_TEXT, _LIST, _MAPPING = "a text", "a list", "a mapping"
_TYPES: Mapping[str, type] = {_TEXT: str, _LIST: list, _MAPPING: dict}
_REQUIRED: Mapping[str, str] = {
    **dict.fromkeys(("id", "name", "severity", "default", "summary", "why", "remediation", "subject"), _TEXT),
    "examples": _MAPPING,
}
_OPTIONAL: Mapping[str, str] = {
    **dict.fromkeys(("check", "expression", "message", "setting", "standard"), _TEXT),
    **dict.fromkeys(("references", "kinds", "containers"), _LIST),
    **dict.fromkeys(("require", "when", "params", "fix"), _MAPPING),
    "locked": "true or false",
}
_DEMANDS = ("require", "check", "expression")
_EXAMPLES_KEY = "\nexamples:"


class Catalog(Struct, frozen=True, kw_only=True, dict=True):
    """Every policy, in the order of their identifiers. Off ones are here too."""

    policies: tuple[Policy, ...]

    @property
    def rules(self) -> tuple[Rule, ...]:
        return tuple(p.rule for p in self.policies)

    @cached_property
    def _by_name(self) -> Mapping[str, Policy]:
        return {key: p for p in self.policies for key in (p.rule.id, p.rule.name)}

    def find(self, name: str) -> Policy | None:
        """By name or by identifier."""
        return self._by_name.get(name)


@lru_cache(maxsize=1)
def catalog() -> Catalog:
    """The built-in policies."""
    return load(built_in_folder())


def load(folder: FilePath) -> Catalog:
    """All `<pack>/<name>.yaml` below `folder`. Raises ConfigError for a policy that is wrong or whose identifier is taken."""
    found = texts(folder)
    known = compiled.read(found)
    return Catalog(policies=known) if known is not None else parsed(found)


def parsed(texts: Mapping[str, str]) -> Catalog:
    """As `load`, of texts by the names of their files, `policies/<pack>/<name>.yaml`."""
    policies = sorted((read_policy(text, file, pack=file.split("/")[-2]) for file, text in texts.items()), key=lambda p: p.rule.id)
    _refuse_repeats(policies)
    return Catalog(policies=tuple(policies))


def texts(folder: FilePath) -> Mapping[str, str]:
    """What `load` reads."""
    return dict(map(_from_file, _files(folder)))


def merged(one: Catalog, others: Iterable[Policy]) -> Catalog:
    """Raises ConfigError where an identifier or a name is taken."""
    policies = [*one.policies, *sorted(others, key=lambda p: p.rule.id)]
    _refuse_repeats(policies)
    return Catalog(policies=tuple(policies))


def wrong(file: str, text: str, path: Path, message: str, *, hint: str = "") -> ConfigError:
    """The error of a policy file at the key or item of that path."""
    return _Text(file=file, text=text).wrong(path, message, hint=hint)


def read_policy(text: str, file: str, *, pack: str, examples_required: bool = True) -> Policy:
    """One policy from its text. Raises ConfigError with line and column."""
    head, _, examples = text.partition(_EXAMPLES_KEY)
    # Built-in files end with their examples, three quarters of their length, and judging needs none of them.
    if examples and _is_last(examples):
        body = yamldata.read(head, file)
        if isinstance(body, dict):
            body["examples"] = {}
    else:
        body = yamldata.read(text, file)
    if isinstance(body, dict) and not examples_required:
        body.setdefault("examples", {})
    return _policy(body, _Text(file=file, text=text), pack)


def examples(policy: Policy) -> Examples:
    """The policy's examples. Raises ConfigError when they are no lists of good and bad subjects."""
    source = _Text(file=policy.file, text=policy.examples_text)
    body = yamldata.read(policy.examples_text, policy.file).get("examples")
    if body is None:
        return Examples(good=(), bad=())
    source.check_keys(body, {"good": _LIST, "bad": _LIST}, {"settings": _MAPPING}, ("examples",))
    return Examples(good=tuple(body["good"]), bad=tuple(body["bad"]), settings=body.get("settings", {}))


def built_in_folder() -> FilePath:
    """`policies/` of a checkout, or its copy inside of the wheel. Raises KgateError."""
    room = FilePath(__file__).resolve().parent.parent
    for folder in (room / "_policies", room.parent / "policies"):
        if (folder / PACKS[0]).is_dir():
            return folder
    raise KgateError("kgate's built-in policies are missing from its installation", hint="install kgate again")


def _files(folder: FilePath) -> Iterable[FilePath]:
    for pack in PACKS:
        if (folder / pack).is_dir():
            for name in sorted(os.listdir(folder / pack)):  # noqa: PTH208 (half the time of Path.iterdir, at every start)
                if name.endswith(".yaml"):
                    yield folder / pack / name


def _from_file(path: FilePath) -> tuple[str, str]:
    with path.open(encoding="utf-8") as file:
        return f"policies/{path.parent.name}/{path.name}", file.read()


def _is_last(examples: str) -> bool:
    """Whether no further top-level key follows: every line after `examples:` is indented, empty or a comment."""
    return all(not line or line[0] in " #\r" for line in examples.split("\n")[1:])


def _refuse_repeats(policies: Iterable[Policy]) -> None:
    seen: dict[str, str] = {}
    for policy in policies:
        for key in (policy.rule.id, policy.rule.name):
            if key in seen:
                raise ConfigError.at(policy.file, 1, 1, f'"{key}" is already the name of {seen[key]}')
            seen[key] = policy.file


class _Text(Struct, frozen=True, kw_only=True):
    """A policy file's text, kept to say where something in it is wrong."""

    file: str
    text: str

    def wrong(self, path: Path, message: str, *, hint: str = "") -> ConfigError:
        place = yamldata.locate(self.text, path)
        return ConfigError.at(self.file, place.line, place.column, message, hint=hint)

    def check_keys(self, body: Any, required: Mapping[str, str], optional: Mapping[str, str], at: Path = ()) -> None:
        if not isinstance(body, dict):
            raise self.wrong(at, "a mapping is expected here")
        for key, value in body.items():
            wanted = required.get(key) or optional.get(key)
            if wanted is None:
                raise self.wrong((*at, key), f'there is no key "{key}" in a policy', hint=did_you_mean(key, [*required, *optional]))
            if not isinstance(value, _TYPES.get(wanted, bool)):
                raise self.wrong((*at, key), f'"{key}" is {wanted}')
        missing = [key for key in required if key not in body]
        if missing:
            raise self.wrong(at, f'the policy has no "{missing[0]}"')

    def one_of(self, body: Mapping[str, Any], key: str, allowed: Iterable[str]) -> str:
        value, allowed = body[key], list(allowed)
        if value not in allowed:
            raise self.wrong((key,), f'"{key}" is one of {", ".join(allowed)}, not "{value}"', hint=did_you_mean(value, allowed))
        return str(value)

    def texts(self, body: Mapping[str, Any], key: str) -> tuple[str, ...]:
        values = body.get(key, [])
        for index, value in enumerate(values):
            if not isinstance(value, str):
                raise self.wrong((key, index), f'"{key}" lists texts')
        return tuple(values)


def _policy(body: Any, source: _Text, pack: str) -> Policy:
    source.check_keys(body, _REQUIRED, _OPTIONAL)
    _check_demand(body, source)
    roles = source.texts(body, "containers")
    for index, role in enumerate(roles):
        if role not in {*Role}:
            raise source.wrong(("containers", index), f'"{role}" is no role of a container: {", ".join(Role)}')
    return Policy(
        rule=_rule(body, source),
        pack=pack,
        file=source.file,
        subject=SubjectKind(source.one_of(body, "subject", SubjectKind)),
        kinds=frozenset(source.texts(body, "kinds")),
        containers=frozenset(roles),
        when=body.get("when"),
        require=body.get("require"),
        check=body.get("check", ""),
        expression=body.get("expression", ""),
        params=body.get("params", {}),
        message=body.get("message", ""),
        setting=body.get("setting", ""),
        standard=Level(source.one_of(body, "standard", list(Level)[1:])) if "standard" in body else None,
        locked=body.get("locked", False),
        fix=_fix(body, source),
        examples_text=source.text,
    )


def _rule(body: Mapping[str, Any], source: _Text) -> Rule:
    return Rule(
        id=body["id"],
        name=body["name"],
        stage=Stage.POLICY,
        severity=Severity(source.one_of(body, "severity", Severity)),
        summary=body["summary"],
        why=body["why"],
        remediation=body["remediation"],
        references=source.texts(body, "references"),
        enabled=source.one_of(body, "default", ("on", "off")) == "on",
    )


def _check_demand(body: Mapping[str, Any], source: _Text) -> None:
    demands = [key for key in _DEMANDS if key in body]
    if len(demands) != 1:
        where: Path = (demands[1],) if demands else ()
        raise source.wrong(where, "a policy has exactly one of require, check and expression")
    if demands == ["expression"]:
        _check_expression(body, source)
    if demands == ["check"] and body["check"] not in CHECKS:
        raise source.wrong(("check",), f'there is no check "{body["check"]}"', hint=did_you_mean(body["check"], CHECKS))


def _check_expression(body: Mapping[str, Any], source: _Text) -> None:
    from kgate import cel
    from kgate.policy.expression import program

    if not cel.available():
        raise source.wrong(("expression",), "expressions are evaluated by kgate's extra cel, which is not installed", hint=cel.INSTALL)
    if body["subject"] == SubjectKind.REPOSITORY:
        raise source.wrong(("subject",), "an expression is asked about an object, pod, container or image")
    try:
        program(body["expression"])
    except cel.CelError as fault:
        raise source.wrong(("expression",), f"the expression is wrong: {fault.message}") from None


def _fix(body: Mapping[str, Any], source: _Text) -> Fix | None:
    fix = body.get("fix")
    if fix is None:
        return None
    for key in fix:
        if key not in KEYS:
            raise source.wrong(("fix", key), f'a fix has no "{key}"', hint=did_you_mean(key, KEYS))
    anchor, unsafe = fix.get("at", Anchor.SUBJECT), fix.get("unsafe", "")
    if anchor not in {*Anchor} or not isinstance(unsafe, str):
        raise source.wrong(("fix",), f"`at` of a fix is one of {', '.join(Anchor)}, and `unsafe` says what the fix may change")
    try:
        edits = edits_of(fix)
    except ValueError as fault:
        raise source.wrong(("fix",), str(fault)) from None
    if not edits and "check" not in body:
        raise source.wrong(("fix",), "only a check can say itself what to edit: give the fix a path and a value")
    return Fix(edits=edits, anchor=Anchor(anchor), unsafe=unsafe)


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """A hint naming the nearest of `known`; empty when nothing is near, or `word` is no text."""
    import difflib

    close = difflib.get_close_matches(word, list(known), n=1) if isinstance(word, str) else []
    return f'did you mean "{close[0]}"?' if close else ""
