"""Policies of the user's own, wherever built-in ones are named: `kgate fix`, `kgate explain`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

KGATE = str(Path(sys.executable).parent / "kgate")
POLICY = """\
id: ACME-1
name: team-user
severity: error
default: on
summary: container does not run as the user of its team
why: Files of a team belong to its user.
remediation: set securityContext.runAsUser to 1000
subject: container
require:
  required: [securityContext]
  properties: {securityContext: {required: [runAsUser], properties: {runAsUser: {const: 1000}}}}
fix: {path: /securityContext/runAsUser, value: 1000, unsafe: files of another user cannot be read any more}
examples:
  good: [{name: app, securityContext: {runAsUser: 1000}}]
  bad: [{name: app}]
"""
POD = """\
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers:
  - name: web   # the shop
    image: nginx:1.27.1
"""
FIXED = POD + "    securityContext:\n      runAsUser: 1000\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "user.yaml").write_text(POLICY)
    (tmp_path / ".kgate.yaml").write_text("policy: {paths: [rules]}\nexclude: [rules/**]\n")
    (tmp_path / "web.yaml").write_text(POD)
    return tmp_path


def kgate(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([KGATE, *args], cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in done.stdout + done.stderr
    return done


@pytest.mark.parametrize("name", ["ACME-1", "acme-1", "team-user"])
@pytest.mark.parametrize("default", ["on", "off"])
def test_a_fix_of_ones_own_is_made(folder: Path, name: str, default: str) -> None:
    (folder / "rules" / "user.yaml").write_text(POLICY.replace("default: on", f"default: {default}"))
    assert kgate(folder, "fix", "--unsafe", "--rule", name).returncode == 0
    assert (folder / "web.yaml").read_text() == FIXED
    assert "ACME-1" not in kgate(folder, "check", "--stage=policy").stdout
    assert kgate(folder, "fix", "--unsafe", "--rule", name).stdout.startswith("0 findings fixed")


def test_a_fix_that_is_unsafe_is_not_made_unasked(folder: Path) -> None:
    kgate(folder, "fix", "--rule", "team-user")
    assert (folder / "web.yaml").read_text() == POD


def test_the_settings_are_those_of_the_files(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    assert kgate(elsewhere, "fix", "--unsafe", "--rule", "team-user", os.fspath(folder)).returncode == 0
    assert (folder / "web.yaml").read_text() == FIXED


def test_a_fix_that_does_not_satisfy_its_policy_is_dropped(folder: Path) -> None:
    (folder / "rules" / "user.yaml").write_text(POLICY.replace("value: 1000", "value: 1001"))
    done = kgate(folder, "fix", "--unsafe", "--rule", "team-user")
    assert (done.returncode, (folder / "web.yaml").read_text()) == (3, POD)


def test_a_policy_of_ones_own_is_explained_like_all_others(folder: Path) -> None:
    told = kgate(folder, "explain", "team-user").stdout
    assert "edit: set /securityContext/runAsUser: 1000 (kgate fix --unsafe does it" in told
    assert "wrong:\n  name: app\n" in told
    assert "right:\n  name: app\n  securityContext:\n    runAsUser: 1000\n" in told
    page = kgate(folder, "explain", "ACME-1", "--report=markdown").stdout
    assert "runAsUser: 1000\n```" in page
    assert json.loads(kgate(folder, "explain", "ACME-1", "--report=json").stdout)["name"] == "team-user"


def test_a_policy_without_examples_is_explained_too(folder: Path) -> None:
    (folder / "rules" / "user.yaml").write_text(POLICY.partition("examples:")[0])
    told = kgate(folder, "explain", "team-user").stdout
    assert "edit: set" in told
    assert "right:" not in told


def test_a_misspelt_one_is_answered_with_the_nearest(folder: Path) -> None:
    for command in (["explain", "team-usr"], ["fix", "--rule", "team-usr"]):
        done = kgate(folder, *command)
        assert (done.returncode, "did you mean ACME-1 (team-user)?" in done.stderr) == (2, True)


def test_a_built_in_rule_is_explained_whatever_the_settings_are(folder: Path) -> None:
    (folder / ".kgate.yaml").write_text("polcy: {}\n")
    assert kgate(folder, "explain", "KG2104").returncode == 0
    assert kgate(folder, "explain", "ACME-1").returncode == 2
