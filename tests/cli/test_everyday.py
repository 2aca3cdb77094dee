"""init, doctor, config show and completion, as processes in somebody's folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

KGATE = str(Path(sys.executable).parent / "kgate")
POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n"


def kgate(where: Path, *args: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([KGATE, *args], cwd=where, env=os.environ | environment, capture_output=True, text=True, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    return tmp_path


# --- init


def test_init_tells_what_it_found_and_writes_settings_that_are_right(folder: Path) -> None:
    (folder / "base").mkdir()
    (folder / "base" / "kustomization.yaml").write_text("resources: [pod.yaml]\n")
    (folder / "base" / "pod.yaml").write_text(POD)
    (folder / "app.yaml").write_text("apiVersion: argoproj.io/v1alpha1\nkind: Application\n")
    (folder / "values.yaml").write_text("a: 1\n")
    done = kgate(folder, "init")
    assert done.returncode == 0, done.stderr
    assert "found: 2 files with Kubernetes objects, 1 kustomization, 1 file of Argo CD" in done.stdout
    assert (folder / ".kgate.yaml").read_text().startswith("# yaml-language-server: $schema=https://")
    assert kgate(folder, "config", "check").stdout == ".kgate.yaml: settings are right\n"


def test_init_leaves_out_what_flux_installs(folder: Path) -> None:
    (folder / "flux-system").mkdir()
    (folder / "flux-system" / "gotk-components.yaml").write_text("apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\n")
    kgate(folder, "init")
    assert 'exclude: ["**/gotk-components.yaml"]' in (folder / ".kgate.yaml").read_text()


def test_init_overwrites_nothing(folder: Path) -> None:
    (folder / ".kgate.yaml").write_text("fail_on: warning\n")
    done = kgate(folder, "init")
    assert (done.returncode, done.stdout) == (2, "")
    assert "there are settings already" in done.stderr
    assert (folder / ".kgate.yaml").read_text() == "fail_on: warning\n"


def test_init_follows_no_link_out_of_the_folder(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "pod.yaml").write_text(POD)
    (folder / "link").symlink_to(elsewhere)
    assert "found: no manifests yet" in kgate(folder, "init").stdout


# --- doctor


def test_doctor_is_content_with_this_environment(folder: Path) -> None:
    done = kgate(folder, "doctor")
    assert done.returncode == 0, done.stdout
    assert "wrong" not in done.stdout
    assert f"at {sys.executable}" in done.stdout


def test_doctor_says_what_cannot_be_done_without_a_program(folder: Path) -> None:
    done = kgate(folder, "doctor", PATH="")
    assert done.returncode == 0
    assert "absent  git" in done.stdout
    assert "--base and --config base need it" in done.stdout


def test_doctor_names_the_fault_of_the_settings(folder: Path) -> None:
    (folder / ".kgate.yaml").write_text("polcy: {}\n")
    done = kgate(folder, "doctor")
    assert done.returncode == 2
    assert ".kgate.yaml:1:1: unknown key 'polcy'" in done.stdout


def test_doctor_starts_no_program_of_the_folder_it_stands_in(folder: Path) -> None:
    (folder / "git").write_text(f"#!/bin/sh\ntouch {folder}/pwned\n")
    (folder / "git").chmod(0o755)
    kgate(folder, "doctor", PATH=f":{os.environ['PATH']}")
    assert not (folder / "pwned").exists()


def test_doctor_does_not_wait_for_ever(folder: Path) -> None:
    (folder / "bin").mkdir()
    (folder / "bin" / "helm").write_text("#!/bin/sh\nexit 7\n")
    (folder / "bin" / "helm").chmod(0o755)
    done = kgate(folder, "doctor", PATH=f"{folder}/bin:{os.environ['PATH']}")
    assert "ends with 7 when asked for its version" in done.stdout


# --- config show


def test_show_tells_each_setting_with_its_line_and_the_defaults_of_the_rest(folder: Path) -> None:
    (folder / ".kgate.yaml").write_text("# mine\nexclude: [a, b]\npolicy:\n  rules:\n    image-tag-floating: error\n")
    rows = [line.split() for line in kgate(folder, "config", "show").stdout.splitlines()]
    assert ["exclude", '["a",', '"b"]', ".kgate.yaml:2"] in rows
    assert ["policy.rules.image-tag-floating", '"error"', ".kgate.yaml:5"] in rows
    assert ["fail_on", '"error"', "default"] in rows
    assert not [r for r in rows if r[:1] == ["exclude"] and r[-1] == "default"]


def test_show_as_json_has_the_same(folder: Path) -> None:
    (folder / ".kgate.yaml").write_text("fail_on: warning\n")
    shown = json.loads(kgate(folder, "config", "show", "--report=json").stdout)
    assert shown["schema"] == "kgate.settings/1"
    assert {"name": "fail_on", "value": "warning", "origin": ".kgate.yaml:1"} in shown["settings"]


def test_show_refuses_settings_that_are_wrong(folder: Path) -> None:
    (folder / ".kgate.yaml").write_text("fail_on: never\n")
    assert kgate(folder, "config", "show").returncode == 2


# --- completion


@pytest.mark.skipif(not shutil.which("bash"), reason="bash is not here")
def test_bash_completes_commands_and_options(folder: Path) -> None:
    script = kgate(folder, "completion", "bash").stdout
    program = script + '\nCOMP_WORDS=(kgate che); COMP_CWORD=1; _kgate_completion kgate; echo "${COMPREPLY[@]}"\n'
    program += 'COMPREPLY=(); COMP_WORDS=(kgate check --pod); COMP_CWORD=2; _kgate_completion kgate; echo "${COMPREPLY[@]}"\n'
    path = f"{Path(KGATE).parent}:{os.environ['PATH']}"
    done = subprocess.run(["bash", "-c", program], env=os.environ | {"PATH": path}, capture_output=True, text=True, check=False)
    assert done.stdout.split("\n")[:2] == ["check", "--pod-security"], done.stderr


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_have_a_script_as_well(folder: Path, shell: str) -> None:
    done = kgate(folder, "completion", shell)
    assert done.returncode == 0
    assert "_KGATE_COMPLETE" in done.stdout
