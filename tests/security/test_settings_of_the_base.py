"""A change cannot loosen `--config base`, whatever it makes of the files. Real git, a real process.

Where the other rows of the threat table are held to:

| threat | tests |
|---|---|
| bombs, depth, merges | tests/load/test_yaml_faults.py, tests/load/test_compose.py |
| tags, values that read differently | tests/load/test_yaml_meaning.py |
| paths and links | tests/load/test_files.py, tests/load/render |
| options, git settings, attributes | tests/load/test_git.py |
| workflow commands, escapes, markup | tests/report/test_hostile_text.py, tests/report/test_machine_reports.py |
| expressions that cost | tests/policy/test_policy_hostile.py, tests/policy/test_admission.py |
| settings of the change | this one, tests/cli/test_guarded_settings.py |
| results of earlier runs | tests/cli/test_memory.py |
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

KGATE = str(Path(sys.executable).parent / "kgate")
POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: web, image: nginx}]}\n"
OFF = "policy: {rules: {image-tag-missing: 'off'}}\n"
ON = "policy: {rules: {image-tag-missing: error}}\n"
OWN = """\
id: OWN1
name: own-image
severity: error
default: on
summary: image nginx
why: because of what it is
remediation: take another one
subject: container
require: {required: [image], properties: {image: {not: {const: nginx}}}}
examples: {good: [{name: a, image: b}], bad: [{name: a, image: nginx}]}
"""


class Repository:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.git("init", "-q", "-b", "main")

    def git(self, *args: str) -> None:
        who = {
            f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER") for what, value in (("NAME", "t"), ("EMAIL", "t@example.com"))
        }
        subprocess.run(["git", "-C", str(self.folder), *args], env=os.environ | who, check=True, capture_output=True)

    def holds(self, files: dict[str, str]) -> None:
        for name, text in files.items():
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_text(text)

    def committed(self) -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "base")
        self.git("checkout", "-q", "-b", "change")

    def checked(self, path: str) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
        argv = [KGATE, "check", "--offline", "--base=main", "--config=base", "--report=json", "--stage=policy", path]
        done = subprocess.run(argv, cwd=self.folder, capture_output=True, text=True, check=False)
        return done, json.loads(done.stdout) if done.stdout else {}


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


def names(report: dict[str, Any]) -> set[str]:
    return {f["name"] for f in report["findings"]}


def test_a_folder_that_becomes_a_link_is_not_judged_by_the_settings_of_where_it_leads(repository: Repository) -> None:
    repository.holds({"deploy/web.yaml": POD, ".kgate.yaml": ON, "dev/.kgate.yaml": OFF})
    repository.committed()
    (repository.folder / "deploy" / "web.yaml").rename(repository.folder / "dev" / "web.yaml")
    (repository.folder / "deploy").rmdir()
    (repository.folder / "deploy").symlink_to("dev")
    done, report = repository.checked("deploy")
    assert done.returncode == 1
    assert "image-tag-missing" in names(report)


def test_a_folder_that_becomes_a_link_to_the_root_keeps_its_own_settings(repository: Repository) -> None:
    repository.holds({"deploy/web.yaml": POD, ".kgate.yaml": OFF, "deploy/.kgate.yaml": ON})
    repository.committed()
    (repository.folder / "deploy" / "web.yaml").rename(repository.folder / "web.yaml")
    (repository.folder / "deploy" / ".kgate.yaml").unlink()
    (repository.folder / "deploy").rmdir()
    (repository.folder / "deploy").symlink_to(".")
    assert "image-tag-missing" in names(repository.checked("deploy")[1])


def test_settings_that_are_a_link_at_the_base_are_an_error_and_not_the_defaults(repository: Repository) -> None:
    repository.holds({"web.yaml": POD, "settings/kgate.yaml": ON})
    (repository.folder / ".kgate.yaml").symlink_to("settings/kgate.yaml")
    repository.committed()
    done, _ = repository.checked(".")
    assert done.returncode == 2
    assert ".kgate.yaml is a symbolic link" in done.stderr


def test_policies_beside_the_settings_are_those_of_the_base(repository: Repository) -> None:
    repository.holds({"deploy/web.yaml": POD, ".kgate.yaml": "policy: {paths: ['.']}\n", "own.yaml": OWN})
    repository.committed()
    (repository.folder / "own.yaml").unlink()
    done, report = repository.checked("deploy")
    assert "own-image" in names(report), done.stderr


def test_policies_that_are_missing_at_the_base_are_named_as_git_names_them(repository: Repository) -> None:
    repository.holds({"web.yaml": POD, "real/own.yaml": OWN, ".kgate.yaml": "policy: {paths: [pol]}\n"})
    (repository.folder / "pol").symlink_to("real")
    repository.committed()
    done, _ = repository.checked("web.yaml")
    assert done.returncode == 2
    assert ":pol: no such file or folder" in done.stderr
    assert "/tmp/kgate-" not in done.stderr
