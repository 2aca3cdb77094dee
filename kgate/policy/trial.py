"""A policy's examples, each put into the smallest manifest that holds it and judged by that policy alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from msgspec import Struct, structs

from kgate.finding import Finding, Severity
from kgate.manifest import Location, Manifest, Path
from kgate.policy.catalog import Catalog, catalog, examples, merged, read_policy
from kgate.policy.judge import judge
from kgate.policy.own import PACK, read_own
from kgate.policy.policy import Policy, SubjectKind
from kgate.policy.reading import read
from kgate.policy.settings import PolicySettings, RuleSettings

_BUILT_IN = re.compile(r"^id: *KG[0-9]", re.MULTILINE)


class Trial(Struct, frozen=True, kw_only=True):
    """One example and what the policy said of it."""

    example: Any
    good: bool
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        return self.good is not bool(self.findings)


class Tried(Struct, frozen=True, kw_only=True):
    """A policy and all its examples."""

    policy: Policy
    trials: tuple[Trial, ...]

    @property
    def failures(self) -> tuple[str, ...]:
        """One sentence each. Policies of the user's own may have no examples."""
        if not self.trials and self.policy.pack == PACK:
            return ()
        told = [_told(t) for t in self.trials if not t.passed]
        told += [
            f"there is no {word} example" for word, good in (("good", True), ("bad", False)) if good not in {t.good for t in self.trials}
        ]
        return tuple(told)


def try_policies(catalog: Catalog) -> Iterator[Tried]:
    """Every policy of the catalog by its own examples, in order of identifiers. Raises ConfigError, SettingError."""
    return (Tried(policy=policy, trials=try_examples(policy, catalog)) for policy in catalog.policies)


def try_file(text: str, file: str) -> Tried:
    """The policy that a text holds, alone. Raises ConfigError with line and column, SettingError."""
    if _BUILT_IN.search(text):
        policy = read_policy(text, file, pack=file.rpartition("/")[0].rpartition("/")[2])
        return Tried(policy=policy, trials=try_examples(policy, Catalog(policies=(policy,))))
    policy = read_own(text, file)
    return Tried(policy=policy, trials=try_examples(policy, merged(catalog(), [policy])))


def _told(trial: Trial) -> str:
    example = str(trial.example)
    short = example if len(example) <= 120 else f"{example[:119]}…"
    if trial.good:
        return f"a good example is found to be wrong: {trial.findings[0].message} (in {short})"
    return f"nothing is found in a bad example: {short}"


class _Nowhere(Struct, frozen=True, kw_only=True):
    """The source of an example: it has no lines of its own."""

    file: str

    def lines(self) -> tuple[str, ...]:
        return ()

    def locate(self, document: int, path: Path, *, key: bool) -> Location:
        return Location(line=1, column=1)


def try_examples(policy: Policy, catalog: Catalog) -> tuple[Trial, ...]:
    """Good ones first. Raises ConfigError for malformed examples and SettingError for their settings."""
    told = examples(policy)
    settings = on_alone((policy.name,), read(told.settings))
    cases = [(e, True) for e in told.good] + [(e, False) for e in told.bad]
    return tuple(Trial(example=e, good=good, findings=_judged(policy, e, catalog, settings)) for e, good in cases)


def on_alone(rules: tuple[str, ...], settings: PolicySettings) -> PolicySettings:
    """The settings with those rules on, as errors where the settings say nothing of them."""
    on = {rule: RuleSettings(severity=Severity.ERROR) for rule in rules}
    return structs.replace(settings, rules={**on, **settings.rules})


def _judged(policy: Policy, example: Any, catalog: Catalog, settings: PolicySettings) -> tuple[Finding, ...]:
    found = judge(manifests_of(policy, example), catalog, settings)
    return tuple(f for f in found if f.rule == policy.rule.id)


def manifests_of(policy: Policy, example: Any) -> list[Manifest]:
    """The smallest objects that hold the example."""
    bodies = example if policy.subject is SubjectKind.REPOSITORY or isinstance(example, list) else [_body(policy.subject, example)]
    return [Manifest(source=_Nowhere(file=policy.file), document=i, body=body) for i, body in enumerate(bodies)]


def _body(subject: SubjectKind, example: Any) -> dict[str, Any]:
    """An image may be written as the container that names it, and anything as a whole object."""
    if isinstance(example, dict) and "apiVersion" in example:
        return example
    match subject:
        case SubjectKind.IMAGE if isinstance(example, str):
            return _pod({"containers": [{"name": "app", "image": example}]})
        case SubjectKind.IMAGE | SubjectKind.CONTAINER:
            return _pod({"containers": [example]})
        case _:
            return _pod(example)


def _pod(spec: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "example"}, "spec": spec}
