"""Profiles: sets of severities that settings begin with."""

from __future__ import annotations

import pytest

from kgate.errors import SettingError
from kgate.finding import Severity
from kgate.policy import catalog, from_config
from kgate.policy.profiles import PROFILES, profile, settled
from tests.policy.policy_texts import Judged

WEB = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {template: {spec: {containers: [{name: app, image: nginx}]}}}}"


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_names_rules_that_exist(name: str) -> None:
    assert profile(name).summary
    assert [rule for rule in profile(name).rules if catalog().find(rule) is None] == []


def test_minimal_keeps_errors_alone(judged: Judged) -> None:
    assert [f.name for f in judged(WEB, config={"profile": "minimal"})] == ["image-tag-missing"]


def test_restricted_makes_the_restricted_standard_an_error(judged: Judged) -> None:
    found = [f for f in judged(WEB, config={"profile": "restricted"}) if f.name.startswith("pss-")]
    assert len(found) == 4
    assert {f.severity for f in found} == {Severity.ERROR}


def test_ha_wants_several_pods_that_stay_apart(judged: Judged) -> None:
    assert [f.severity for f in judged(WEB, "replicas-too-few", {"profile": "ha"})] == [Severity.ERROR]
    two = WEB.replace("spec: {template", "spec: {replicas: 2, template", 1)
    assert {f.name for f in judged(two, config={"profile": "ha"})} >= {"pdb-missing", "spread-missing"}


def test_what_is_said_of_a_rule_comes_before_the_profile(judged: Judged) -> None:
    config = {"profile": "ha", "rules": {"replicas-too-few": "off", "pdb-missing": "info"}}
    assert judged(WEB, "replicas-too-few", config) == []
    assert settled(from_config(config), catalog()).of("pdb-missing").severity is Severity.INFO
    minimal = {"profile": "minimal", "rules": {"label-required": "warning"}}
    assert len(judged(WEB, "label-required", minimal)) == 1


def test_an_unknown_profile_is_refused_with_the_nearest() -> None:
    with pytest.raises(SettingError) as fault:
        from_config({"profile": "minmal"})
    assert "minimal" in fault.value.hint
