"""What every policy must bring along, whoever wrote it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kgate.policy import Policy, catalog, examples
from kgate.policy.catalog import PACKS
from kgate.policy.checks import CHECKS
from kgate.policy.settings import PolicySettings
from kgate.policy.trial import try_examples

POLICIES = catalog().policies
NUMBERS = dict(zip(PACKS, ("20", "22", "21", "23", "24", "25"), strict=True))

every_policy = pytest.mark.parametrize("policy", POLICIES, ids=lambda p: p.name)


@every_policy
def test_good_examples_pass_and_bad_ones_are_found(policy: Policy) -> None:
    trials = try_examples(policy, catalog())
    assert {t.good for t in trials} == {True, False}
    assert [(t.example, [f.message for f in t.findings]) for t in trials if not t.passed] == []


@every_policy
def test_a_policy_says_what_is_wrong_why_and_what_to_write_instead(policy: Policy) -> None:
    rule = policy.rule
    assert rule.summary and rule.why and rule.remediation and rule.references
    assert not rule.summary.endswith(".") and not rule.summary[0].isupper()


@every_policy
def test_a_policy_is_named_as_its_file_and_numbered_as_its_pack(policy: Policy) -> None:
    assert policy.file == f"policies/{policy.pack}/{policy.name}.yaml"
    assert re.fullmatch(rf"KG{NUMBERS[policy.pack]}\d\d", policy.rule.id)
    assert re.fullmatch(r"[a-z][a-z0-9-]+", policy.name)


@every_policy
def test_a_policy_that_a_setting_switches_on_names_a_setting_that_exists(policy: Policy) -> None:
    if policy.setting:
        assert PolicySettings().has(policy.setting) is False


@every_policy
def test_a_finding_is_one_sentence_with_its_particulars(policy: Policy) -> None:
    for trial in try_examples(policy, catalog()):
        for finding in trial.findings:
            assert finding.message != policy.rule.summary
            assert not finding.message.endswith(".") and "\n" not in finding.message
            assert finding.remediation


@every_policy
def test_examples_are_the_last_thing_in_the_file_so_that_a_run_can_skip_them(policy: Policy) -> None:
    assert [line for line in policy.examples_text.splitlines() if re.match(r"\w", line)][-1].startswith("examples:")
    assert examples(policy).good


def test_identifiers_and_names_are_unique() -> None:
    assert len({p.rule.id for p in POLICIES}) == len({p.name for p in POLICIES}) == len(POLICIES)


def test_every_check_is_used_by_a_policy() -> None:
    assert {p.check for p in POLICIES if p.check} == set(CHECKS)


def test_every_file_in_the_packs_is_loaded() -> None:
    folder = Path(__file__).parent.parent.parent / "policies"
    assert {f"policies/{f.parent.name}/{f.name}" for f in folder.glob("*/*") if f.parent.name != "profiles"} == {p.file for p in POLICIES}
