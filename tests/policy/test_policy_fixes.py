"""Every fix that a policy promises is made in the text of its own bad examples, and makes good ones of them."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import yaml

from kgate.edit import Operation
from kgate.errors import ConfigError
from kgate.finding import Finding
from kgate.fix import Wish, plan
from kgate.load import spots
from kgate.load.documents import contents
from kgate.load.source import Trees
from kgate.manifest import Manifest
from kgate.policy import Policy, catalog, examples, judge
from kgate.policy.catalog import read_policy
from kgate.policy.reading import read
from kgate.policy.settings import PolicySettings
from kgate.policy.trial import manifests_of, on_alone

FIXED = [p for p in catalog().policies if p.fix is not None]
PARTLY = {"annotation-forbidden", "api-deprecated", "field-deprecated", "duplicate-env", "memory-request-not-limit", "replicas-too-few"}
"""Some of their bad examples need somebody who thinks."""
SAFE = {
    "api-deprecated",
    "duplicate-env",
    "field-deprecated",
    "image-unqualified",
    "pss-privilege-escalation",
    "pss-seccomp-required",
    "rollback-impossible",
}
ROUNDS = 4


def _read(text: str) -> list[Manifest]:
    return contents("web.yaml", text, explicit=True, trees=Trees()).manifests


def _judged(text: str, policy: Policy, settings: PolicySettings) -> tuple[Finding, ...]:
    return judge(_read(text), catalog(), settings)


def _of(policy: Policy, findings: tuple[Finding, ...]) -> list[Finding]:
    return [f for f in findings if f.rule == policy.rule.id]


def _wish(f: Finding) -> Wish:
    assert f.fix is not None
    return Wish(
        file="web.yaml",
        document=f.document,
        fix=f.fix,
        rule=f.rule,
        name=f.name,
        subject=str(f.object),
        message=f.message,
        line=f.line,
        column=f.column,
    )


def _mended(text: str, findings: list[Finding]) -> str:
    wishes = [_wish(f) for f in findings]
    planned = plan(wishes, {"web.yaml": text}, spots)
    assert not planned.refused or planned.granted, planned.refused
    return planned.texts.get("web.yaml", text)


def _texts(policy: Policy, example: Any) -> list[str]:
    """The example as people may write it: in blocks, on one line."""
    bodies = [m.body for m in manifests_of(policy, example)]
    return [yaml.safe_dump_all(bodies, sort_keys=False, default_flow_style=flow) for flow in (False, True)]


def _settings(policy: Policy) -> PolicySettings:
    return on_alone((policy.name,), read(examples(policy).settings))


@pytest.mark.parametrize("policy", FIXED, ids=lambda p: p.name)
def test_a_bad_example_becomes_a_good_one(policy: Policy) -> None:
    mended = left = 0
    settings = _settings(policy)
    for example in examples(policy).bad:
        for text in _texts(policy, example):
            before = _judged(text, policy, settings)
            for _ in range(ROUNDS):
                wanted = [f for f in _of(policy, _judged(text, policy, settings)) if f.fix is not None]
                if not wanted:
                    break
                text = _mended(text, wanted)
            after = _judged(text, policy, settings)
            rest = _of(policy, after)
            mended += not rest
            left += bool(rest)
            # `wanted` is empty: what is left has no fix, so a second run changes nothing
            assert not [f for f in rest if f.fix is not None]
            assert not Counter(f.rule for f in after) - Counter(f.rule for f in before), "a fix brings no finding"
    assert mended
    assert not left or policy.name in PARTLY


def test_fixes_that_no_program_notices_are_told_from_others() -> None:
    assert {p.name for p in FIXED if p.fix is not None and not p.fix.unsafe} == SAFE


@pytest.mark.parametrize("policy", FIXED, ids=lambda p: p.name)
def test_a_fix_says_what_it_may_change_in_half_a_sentence(policy: Policy) -> None:
    assert policy.fix is not None
    assert not policy.fix.unsafe.endswith(".") and not policy.fix.unsafe[:1].isupper()
    assert policy.fix.edits or policy.check


HEAD = """\
id: KG2999
name: mine
severity: warning
default: on
summary: mine
why: because
remediation: do it
subject: container
require: {required: [name]}
"""


@pytest.mark.parametrize(
    ("fix", "said"),
    [
        ("{path: name, value: 1}", "JSON pointer"),
        ("{path: /name}", "exactly one of"),
        ("{path: /name, value: 1, remove: true}", "exactly one of"),
        ("{path: /name, remove: 1}", "remove is true"),
        ("{path: /name, rename: 1}", "new name"),
        ("{path: /name, remove: true, prune: x}", "prune counts"),
        ("{path: /name, value: 1, at: nowhere}", "`at` of a fix is one of subject, object, place"),
        ("{path: /name, valeu: 1}", 'a fix has no "valeu"'),
        ("{unsafe: it hurts}", "only a check"),
        ("{edits: {path: /name}}", "list of mappings"),
    ],
)
def test_a_fix_that_is_none_is_an_error_with_its_place(fix: str, said: str) -> None:
    with pytest.raises(ConfigError, match=r"mine.yaml:10:\d+") as error:
        read_policy(HEAD + f"fix: {fix}\nexamples: {{}}\n", "mine.yaml", pack="images")
    assert said in error.value.message


def test_a_fix_is_data() -> None:
    told = read_policy(
        HEAD + "fix: {at: place, path: /a~1b/0, remove: true, prune: 1, unsafe: it hurts}\nexamples: {}\n", "mine.yaml", pack="images"
    ).fix
    assert told is not None
    (edit,) = told.edits
    assert (edit.path, edit.operation, edit.prune, told.anchor, told.unsafe) == (("a/b", 0), Operation.REMOVE, 1, "place", "it hurts")
