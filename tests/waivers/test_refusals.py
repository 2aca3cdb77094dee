"""What nobody can waive: what the API server refuses, what is locked, and what tells of waivers."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from kgate.errors import ConfigError, UsageError
from kgate.finding import Finding, Severity, Stage
from kgate.policy.settings import PolicySettings
from kgate.validate.rules import RULES
from kgate.waivers.settings import SettingsWaiver
from tests.waivers.texts import found, loaded, said, waived

HOST = """\
# kgate: ignore[sensitive-host-mount,pss-host-path] reason="reads the node's logs"
apiVersion: v1
kind: Pod
metadata: {name: agent}
spec:
  containers: [{name: app, image: "agent:1.2.3"}]
  volumes: [{name: root, hostPath: {path: /}}]
"""
REFUSAL = RULES[0]


def test_a_locked_policy_is_found_whatever_waives_it_and_the_others_are_waived() -> None:
    findings = found(HOST)
    assert [f.waived for f in findings if f.name == "sensitive-host-mount"] == [None]
    assert waived(findings) == [("pss-host-path", 7)]
    assert said(findings) == [("waiver-refused", 1, 1, "sensitive-host-mount cannot be waived: the rule is locked")]


def test_the_settings_lock_rules_of_any_stage() -> None:
    findings = found(HOST, policy=PolicySettings(locked=("KG2103", "pss-host-path", "image-vulnerable")))
    assert waived(findings) == []
    assert "pss-host-path cannot be waived: the rule is locked" in [s[3] for s in said(findings)]


def test_a_rule_to_lock_that_does_not_exist_is_an_error_with_a_guess() -> None:
    with pytest.raises((ConfigError, UsageError), match="there is no rule 'pss-hostpath'") as fault:
        found(HOST, policy=PolicySettings(locked=("pss-hostpath",)))
    assert "pss-host-path" in fault.value.hint


def test_what_the_api_server_refuses_cannot_be_waived() -> None:
    text = f'# kgate: ignore[{REFUSAL.name}] reason="x"\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\n'
    (manifest,) = loaded({"web.yaml": text}).manifests
    findings = found(text, extra=[Finding.at(manifest, ("metadata",), rule=REFUSAL, message="refused")])
    assert waived(findings) == []
    assert said(findings) == [
        ("waiver-refused", 1, 1, f"{REFUSAL.name} cannot be waived: the API server refuses the object whatever is waived here")
    ]


def test_an_error_of_the_api_server_stays_whatever_the_severity_of_its_rule() -> None:
    warning = replace(REFUSAL, severity=Severity.WARNING)
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
    (manifest,) = loaded({"web.yaml": text}).manifests
    odd = replace(Finding.at(manifest, (), rule=warning, message="m", severity=Severity.ERROR), rule="KG2002", stage=Stage.VALIDATE)
    assert waived(found(text, extra=[odd], waivers=[SettingsWaiver(rules=("KG2002",), reason="x")])) == []


def test_findings_about_waivers_cannot_be_waived() -> None:
    findings = found(f'{HOST}# kgate: ignore[waiver-unused] reason="x"\n')
    assert [s[0] for s in said(findings)].count("waiver-unused") == 0
    text = HOST.replace("sensitive-host-mount,pss-host-path", "waiver-unused")
    assert said(found(text))[0][3] == "waiver-unused cannot be waived: it tells of waivers and baselines"
