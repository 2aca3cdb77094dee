"""Every policy has a waived example: its bad ones, with a comment on top of each object."""

from __future__ import annotations

from datetime import date

import pytest
import yaml
from msgspec.structs import replace

from kgate.accepted import Ran, accepted
from kgate.config import Options
from kgate.finding import Finding, Stage, in_order
from kgate.outcome import Checked, Report, Verdict
from kgate.policy import Policy, catalog, examples, judge
from kgate.policy.reading import read
from kgate.policy.trial import manifests_of, on_alone
from tests.waivers.texts import loaded

RAN = Ran(whole=True, scanned=True, rehearsed=True)


def texts(policy: Policy, example: object) -> str:
    comment = f'# kgate: ignore[{policy.name}] reason="an example"\n'
    return "---\n".join(comment + yaml.safe_dump(m.body, sort_keys=False, allow_unicode=True) for m in manifests_of(policy, example))


def findings_of(policy: Policy, example: object) -> list[Finding]:
    settings = on_alone((policy.name,), read(examples(policy).settings))
    here = loaded({"example.yaml": texts(policy, example)})
    judged = [f for f in judge(here.manifests, catalog(), settings) if f.rule == policy.rule.id]
    assert judged, "the bad example is not found as YAML"
    return list(in_order(accepted(Options(stages=(Stage.POLICY,), policy=settings, today=date(2026, 11, 24)), judged, here, RAN)))


@pytest.mark.parametrize("policy", catalog().policies, ids=lambda p: p.name)
def test_a_waived_example_is_marked_and_passes_unless_the_rule_is_locked(policy: Policy) -> None:
    for example in examples(policy).bad:
        findings = findings_of(policy, example)
        marked = {f.waived is not None for f in findings if f.rule == policy.rule.id}
        assert marked == {not policy.locked}
        assert ("waiver-refused" in {f.name for f in findings}) is policy.locked
        report = Report.of(
            version="0", kubernetes_version="1.36", stages=(Stage.POLICY,), fail_on=policy.rule.severity, checked=Checked(objects=1),
            findings=[replace(f, severity=policy.rule.severity) for f in findings if f.rule == policy.rule.id],
        )  # fmt: skip
        assert (report.verdict is Verdict.PASS) is not policy.locked
