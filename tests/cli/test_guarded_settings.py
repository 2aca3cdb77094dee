"""`--config base`: the settings of the base judge a change, whatever the change does to them. Real git, a real process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

KGATE = str(Path(sys.executable).parent / "kgate")
WEB = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: nginx}]}
"""
STRICT = "policy: {rules: {image-tag-missing: error}}\n"
LOOSE = "policy: {rules: {image-tag-missing: 'off'}}\n"


def git(where: Path, *args: str) -> None:
    names = {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in (("NAME", "t"), ("EMAIL", "t@example.com"))}
    subprocess.run(["git", "-C", str(where), *args], env=os.environ | names, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A commit on main with strict settings; the working tree is a branch of it."""
    (tmp_path / "web.yaml").write_text(WEB)
    (tmp_path / ".kgate.yaml").write_text(STRICT)
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-q", "-m", "strict")
    git(tmp_path, "checkout", "-q", "-b", "change")
    return tmp_path


def checked(where: Path, *args: str) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    argv = [KGATE, "check", "--offline", "--base=main", "--report=json", "--stage=policy", *args]
    done = subprocess.run(argv, cwd=where, capture_output=True, text=True, check=False)
    return done, json.loads(done.stdout) if done.stdout else {}


def rules(report: dict[str, Any]) -> set[str]:
    return {f["name"] for f in report["findings"]}


def test_a_change_that_switches_a_rule_off_is_judged_by_that_rule_all_the_same(repository: Path) -> None:
    (repository / ".kgate.yaml").write_text(LOOSE)
    assert "image-tag-missing" not in rules(checked(repository)[1])
    done, report = checked(repository, "--config=base")
    assert done.returncode == 1
    assert {"image-tag-missing", "settings-changed"} <= rules(report)


def test_the_finding_about_changed_settings_stands_at_their_file_and_fails_nothing(repository: Path) -> None:
    (repository / ".kgate.yaml").write_text(STRICT + "# a word\n")
    _, report = checked(repository, "--config=base")
    (found,) = (f for f in report["findings"] if f["name"] == "settings-changed")
    assert (found["file"], found["line"], found["severity"]) == (".kgate.yaml", 1, "info")


def test_settings_that_stay_are_no_finding(repository: Path) -> None:
    assert "settings-changed" not in rules(checked(repository, "--config=base")[1])


def test_a_change_that_removes_the_settings_is_judged_by_them(repository: Path) -> None:
    (repository / ".kgate.yaml").unlink()
    done, report = checked(repository, "--config=base")
    assert done.returncode == 1
    assert {"image-tag-missing", "settings-changed"} <= rules(report)


def test_settings_that_only_the_change_has_do_not_hold(repository: Path) -> None:
    git(repository, "checkout", "-q", "main")
    git(repository, "rm", "-q", ".kgate.yaml")
    git(repository, "commit", "-q", "-m", "no settings")
    git(repository, "checkout", "-q", "-b", "other")
    (repository / ".kgate.yaml").write_text("exclude: ['*.yaml']\n")
    done, report = checked(repository, "--config=base")
    assert done.returncode == 1
    assert {"image-tag-missing", "settings-changed"} <= rules(report)


def test_the_files_that_the_settings_name_are_those_of_the_merge_base(repository: Path) -> None:
    """The cluster of the change would hold the pods; the one of the merge base does not exist."""
    git(repository, "checkout", "-q", "main")
    (repository / ".kgate.yaml").write_text("rollout: {cluster: clusters/prod.yaml}\n")
    (repository / "clusters").mkdir()
    (repository / "clusters" / "prod.yaml").write_text("nodes: nonsense\n")
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", "a cluster")
    git(repository, "checkout", "-q", "-b", "cluster")
    (repository / "clusters" / "prod.yaml").write_text("nodes: []\n")
    argv = [KGATE, "check", "--offline", "--base=main", "--config=base", "--stage=rollout", "web.yaml"]
    done = subprocess.run(argv, cwd=repository, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert ":clusters/prod.yaml:1:8:" in done.stderr
    assert "/tmp" not in done.stderr


OWN = """\
id: ACME-1
name: no-web
severity: error
default: on
summary: nothing is called web
why: It says nothing.
remediation: give it another name
subject: object
kinds: [Deployment.apps]
require: {properties: {metadata: {properties: {name: {not: {const: web}}}}}}
examples: {good: [], bad: []}
"""


def test_policies_of_ones_own_are_those_of_the_merge_base(repository: Path) -> None:
    git(repository, "checkout", "-q", "main")
    (repository / ".kgate.yaml").write_text("policy: {paths: [rules/], rules: {no-web: error}}\n")
    (repository / "rules").mkdir()
    (repository / "rules" / "no-web.yaml").write_text(OWN)
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", "a policy")
    git(repository, "checkout", "-q", "-b", "policy")
    (repository / "rules" / "no-web.yaml").write_text(OWN.replace("const: web", "const: other"))
    assert "no-web" not in rules(checked(repository, "web.yaml")[1])
    assert "no-web" in rules(checked(repository, "--config=base", "web.yaml")[1])


def test_a_baseline_that_the_settings_name_is_that_of_the_merge_base(repository: Path) -> None:
    git(repository, "checkout", "-q", "main")
    (repository / ".kgate.yaml").write_text(STRICT + "baseline: known.json\n")
    (repository / "known.json").write_text('{"schema": "kgate.baseline/1", "entries": []}\n')
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", "an empty baseline")
    git(repository, "checkout", "-q", "-b", "baseline")
    argv = [KGATE, "check", "--offline", "--stage=policy", "--write-baseline=known.json", "."]
    subprocess.run(argv, cwd=repository, capture_output=True, check=False)
    assert checked(repository)[0].returncode == 0
    assert checked(repository, "--config=base")[0].returncode == 1


def test_a_change_that_went_off_before_a_rule_came_is_judged_by_it(repository: Path) -> None:
    git(repository, "checkout", "-q", "main")
    (repository / ".kgate.yaml").write_text(LOOSE)
    git(repository, "commit", "-q", "-am", "loose")
    git(repository, "checkout", "-q", "-b", "early")
    git(repository, "checkout", "-q", "main")
    (repository / ".kgate.yaml").write_text(STRICT)
    git(repository, "commit", "-q", "-am", "strict")
    git(repository, "checkout", "-q", "early")
    found = rules(checked(repository, "--config=base")[1])
    assert "image-tag-missing" in found
    assert "settings-changed" not in found


def test_patterns_hold_from_the_folder_of_the_settings(repository: Path) -> None:
    git(repository, "checkout", "-q", "main")
    (repository / ".kgate.yaml").write_text("exclude: [vendor/**]\n")
    git(repository, "commit", "-q", "-am", "exclude")
    (repository / "vendor").mkdir()
    (repository / "vendor" / "other.yaml").write_text(WEB)
    (repository / "web.yaml").unlink()
    (repository / "ok.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")
    _, report = checked(repository, "--config=base")
    assert not [f for f in report["findings"] if f["file"].startswith("vendor")]
    assert report["checked"]["objects"] == 1


def test_a_fault_in_the_settings_of_the_merge_base_names_the_commit_and_the_line(repository: Path) -> None:
    git(repository, "checkout", "-q", "main")
    (repository / ".kgate.yaml").write_text("polcy: {}\n")
    git(repository, "commit", "-q", "-am", "a typing error")
    done, _ = checked(repository, "--config=base")
    assert done.returncode == 2
    assert ":.kgate.yaml:1:1: unknown key 'polcy'" in done.stderr
    assert "/tmp" not in done.stderr


def test_without_a_base_there_is_nothing_to_take_them_from(repository: Path) -> None:
    done = subprocess.run([KGATE, "check", "--config=base", "."], cwd=repository, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "--config base needs --base" in done.stderr


def test_a_file_of_that_name_is_named_with_its_folder(repository: Path) -> None:
    (repository / "base").write_text(LOOSE)
    assert "image-tag-missing" not in rules(checked(repository, "--config=./base")[1])


def test_nothing_is_left_in_the_temporary_folder(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    temporary = tmp_path_factory.mktemp("temporary")
    argv = [KGATE, "check", "--offline", "--base=main", "--config=base", "--stage=policy", "."]
    subprocess.run(argv, cwd=repository, env=os.environ | {"TMPDIR": str(temporary)}, capture_output=True, check=False)
    assert list(temporary.iterdir()) == []
