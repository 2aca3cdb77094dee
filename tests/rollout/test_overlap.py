"""A policy and a rehearsal that find the same in one object."""

from __future__ import annotations

from pathlib import Path

import pytest

from kgate import Options, gate
from kgate.finding import Finding, Severity, Stage
from kgate.policy.settings import PolicySettings
from kgate.rollout import overlap
from kgate.rollout.settings import RolloutSettings
from tests.rollout.questions.conftest import deployment
from tests.rollout.test_deleted import SCALER

BLOCKING = (
    "---\napiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: web, namespace: prod}\n"
    "spec: {maxUnavailable: 0, selector: {matchLabels: {app: web}}}\n"
)


def found(text: str, stages: tuple[Stage, ...], **verdicts: Severity) -> set[str]:
    Path("web.yaml").write_text(text)
    named = {name.replace("_", "-"): severity for name, severity in verdicts.items()}
    options = Options(paths=("web.yaml",), stages=stages, policy=PolicySettings(), rollout=RolloutSettings(verdicts=named))
    return {f.rule for f in gate(options).findings} & {"KG2307", "KG2310", "KG5140", "KG5144"}


BOTH = (Stage.VALIDATE, Stage.POLICY, Stage.ROLLOUT)


@pytest.mark.parametrize(("text", "policy", "proved"), [(BLOCKING, "KG2307", "KG5140"), (SCALER, "KG2310", "KG5144")])
def test_the_rehearsal_speaks_where_it_ran_and_the_policy_where_it_did_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, policy: str, proved: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert found(deployment() + text, BOTH) == {proved}
    assert found(deployment() + text, (Stage.VALIDATE, Stage.POLICY)) == {policy}
    assert found(deployment() + text, (Stage.VALIDATE, Stage.ROLLOUT)) == {proved}


def test_what_is_worse_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert found(deployment() + BLOCKING, BOTH, drain_blocked=Severity.INFO) == {"KG2307"}


def test_findings_of_other_objects_are_left_alone() -> None:
    def made(rule: str, stage: Stage, document: int) -> Finding:
        return Finding(
            rule=rule, name="x", stage=stage, severity=Severity.ERROR, message="m", file="f", line=1, column=1, document=document
        )

    policy, proved = made("KG2307", Stage.POLICY, 0), made("KG5140", Stage.ROLLOUT, 1)
    assert overlap.one_each([policy, proved]) == [policy, proved]
