"""A run on files that have not changed says the same again, at once; whatever might make it say something else makes it run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

KGATE = str(Path(sys.executable).parent / "kgate")
CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: b}\ndata: {k: v}\n"
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
REMEMBERED = "as an earlier run on the same files said"


class Place:
    """A repository and a memory of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "repository"
        self.memory = folder / "memory"
        (self.folder / ".git").mkdir(parents=True)
        (self.folder / "deploy").mkdir()
        (self.folder / "deploy" / "a.yaml").write_text(CONFIG_MAP)

    def run(self, *args: str, **environment: str) -> subprocess.CompletedProcess[str]:
        # Without programs on PATH: a scanner that is installed here would be started, and such a run is not remembered.
        clean = {k: v for k, v in os.environ.items() if k not in ("CI", "NO_COLOR", "FORCE_COLOR")}
        given = clean | {"XDG_CACHE_HOME": str(self.memory), "PATH": "/nowhere", "SOURCE_DATE_EPOCH": "1800000000"} | environment
        return subprocess.run([KGATE, "check", "-v", *args], cwd=self.folder, env=given, capture_output=True, text=True, check=False)

    def remembers(self, *args: str, **environment: str) -> bool:
        return REMEMBERED in self.run(*args, **environment).stderr


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_the_second_run_says_the_same_without_running(place: Place) -> None:
    (place.folder / "deploy" / "web.yaml").write_text(WEB)
    first, second = place.run(), place.run()
    assert REMEMBERED not in first.stderr
    assert REMEMBERED in second.stderr
    assert (first.stdout, first.returncode) == (second.stdout, second.returncode)
    assert first.returncode == 1


def test_reports_in_files_are_written_again(place: Place) -> None:
    place.run("--report=json:../r.json", "--report=concise")
    written = place.folder.parent / "r.json"
    first = written.read_text()
    written.unlink()
    assert place.remembers("--report=json:../r.json", "--report=concise")
    assert written.read_text() == first
    assert json.loads(first)["verdict"] == "pass"


CHANGES: dict[str, Callable[[Path], object]] = {
    "a file changes": lambda f: (f / "deploy" / "a.yaml").write_text(CONFIG_MAP.replace("v}", "w}")),
    "a file goes": lambda f: (f / "deploy" / "a.yaml").unlink(),
    "a file comes": lambda f: (f / "deploy" / "b.yaml").write_text(CONFIG_MAP),
    "a folder with a file comes": lambda f: ((f / "new").mkdir(), (f / "new" / "b.yaml").write_text(CONFIG_MAP)),
    "settings come": lambda f: (f / ".kgate.yaml").write_text("fail_on: warning\n"),
    "a chart comes around": lambda f: (f / "deploy" / "Chart.yaml").write_text("name: x\n"),
    "a kustomization comes around": lambda f: (f / "deploy" / "kustomization.yaml").write_text("resources: [a.yaml]\n"),
    "a file becomes a link": lambda f: ((f / "deploy" / "a.yaml").rename(f / "x"), (f / "deploy" / "a.yaml").symlink_to(f / "x")),
    "a file becomes unreadable in kind": lambda f: ((f / "deploy" / "a.yaml").unlink(), (f / "deploy" / "a.yaml").mkdir()),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("paths", [(), ("deploy",), ("deploy/a.yaml",)])
def test_any_change_that_may_matter_makes_it_run(place: Place, paths: tuple[str, ...], change: str) -> None:
    place.run(*paths)
    assert place.remembers(*paths)
    CHANGES[change](place.folder)
    outside = paths == ("deploy/a.yaml",) and change == "a folder with a file comes"
    assert outside or not place.remembers(*paths)
    fresh = place.run(*paths, "--no-cache")
    again = place.run(*paths)
    assert (again.stdout, again.returncode) == (fresh.stdout, fresh.returncode)


def test_a_change_of_settings_or_of_a_cluster_they_name_makes_it_run(place: Place) -> None:
    (place.folder / ".kgate.yaml").write_text("rollout: {cluster: cluster.yaml}\n")
    (place.folder / "cluster.yaml").write_text("nodes: [{name: n, cpu: '4', memory: 8Gi}]\n")
    (place.folder / "deploy" / "web.yaml").write_text(WEB)
    place.run()
    (place.folder / "cluster.yaml").write_text("nodes: [{name: m, cpu: '4', memory: 8Gi}]\n")
    assert not place.remembers()
    (place.folder / ".kgate.yaml").write_text("rollout: {cluster: cluster.yaml}\nfail_on: warning\n")
    assert not place.remembers()


def test_the_same_size_and_time_do_not_hide_a_change_right_after(place: Place) -> None:
    file = place.folder / "deploy" / "a.yaml"
    place.run()
    before = file.stat()
    file.write_text(CONFIG_MAP.replace("{k: v}", "{k: w}"))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert not place.remembers()


def test_a_file_that_was_only_touched_is_the_same_file(place: Place) -> None:
    place.run()
    os.utime(place.folder / "deploy" / "a.yaml")
    assert place.remembers()


@pytest.mark.parametrize(
    "args", [("--stage=validate",), ("--report=json",), ("--fail-on=warning",), ("--kubernetes-version=1.30",), ("deploy",)]
)
def test_another_command_line_is_another_question(place: Place, args: tuple[str, ...]) -> None:
    place.run()
    assert not place.remembers(*args)


@pytest.mark.parametrize("environment", [{"CI": "true"}, {"KGATE_X": "1"}, {"PATH": "/elsewhere"}, {"FORCE_COLOR": "1"}])
def test_another_environment_is_another_question(place: Place, environment: dict[str, str]) -> None:
    place.run()
    assert not place.remembers(**environment)


@pytest.mark.parametrize("args", [("--no-cache",), ("-",), ("--fix",)])
def test_some_runs_are_never_remembered(place: Place, args: tuple[str, ...]) -> None:
    for _ in range(2):
        assert not place.remembers(*args)


def test_a_run_that_started_a_program_is_not_remembered(place: Place) -> None:
    subprocess.run(["git", "init", "-q"], cwd=place.folder, check=True)
    (place.folder / "tools").mkdir()
    trivy = place.folder.parent / "bin" / "trivy"
    trivy.parent.mkdir()
    trivy.write_text("#!/bin/sh\nexit 1\n")
    trivy.chmod(0o755)
    (place.folder / "deploy" / "web.yaml").write_text(WEB)
    (place.folder / ".kgate.yaml").write_text("images: {pull: true}\n")
    for _ in range(2):
        assert not place.remembers("--stage=images", PATH=f"{trivy.parent}:/bin:/usr/bin")


@pytest.mark.parametrize("spoilt", [b"", b"{}", b"[]", b"null", b'{"made": 1}', b"\xff\xfe"])
def test_a_spoilt_memory_is_no_answer(place: Place, spoilt: bytes) -> None:
    place.run()
    (entry,) = (place.memory / "kgate" / "results").glob("*.json")
    entry.write_bytes(spoilt)
    done = place.run()
    assert REMEMBERED not in done.stderr
    assert done.returncode == 0


def test_a_memory_that_cannot_be_written_changes_nothing(place: Place) -> None:
    place.memory.write_text("a file, not a folder")
    assert place.run().returncode == 0


def test_only_the_user_can_read_the_memory(place: Place) -> None:
    place.run()
    folder = place.memory / "kgate" / "results"
    assert folder.stat().st_mode & 0o077 == 0
    assert all(entry.stat().st_mode & 0o077 == 0 for entry in folder.iterdir())


def test_the_oldest_answers_are_forgotten(place: Place) -> None:
    folder = place.memory / "kgate" / "results"
    folder.mkdir(parents=True, mode=0o700)
    for n in range(205):
        (folder / f"{n:064}.json").write_text("{}")
        os.utime(folder / f"{n:064}.json", (n, n))
    place.run()
    assert len(list(folder.glob("*.json"))) == 200
    assert not (folder / f"{5:064}.json").exists()
    assert (folder / f"{204:064}.json").exists()


BAD = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {hostNetwork: true, containers: [{name: c, image: nginx}]}\n"


def _becomes_folder(folder: Path) -> None:
    (folder / "deploy" / "x").unlink()
    (folder / "deploy" / "x").mkdir()
    (folder / "deploy" / "x" / "b.yaml").write_text(BAD)


def _becomes_link_out(folder: Path) -> None:
    (folder / "base" / "cm.yaml").rename(folder.parent / "cm.yaml")
    (folder / "base" / "cm.yaml").symlink_to(folder.parent / "cm.yaml")


def _moves_out(folder: Path) -> None:
    (folder / "base").rename(folder.parent / "base")
    (folder / "base").symlink_to(folder.parent / "base")


def _same_time_and_size(folder: Path) -> None:
    file = folder / "deploy" / "old.yaml"
    before = file.stat()
    file.write_text(CONFIG_MAP.replace("data: {k: v}", "data: {k: [}").replace("name: a", "name: o"))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


SLEIGHTS: dict[str, Callable[[Path], object]] = {
    "a file of no interest becomes a folder of manifests": _becomes_folder,
    "a link out of the repository becomes a file": lambda f: (
        (f / "deploy" / "out.yaml").unlink(),
        (f / "deploy" / "out.yaml").write_text(BAD),
    ),
    "a file becomes a link to the same text outside": _becomes_link_out,
    "a base becomes a link to itself outside": _moves_out,
    "another kustomization comes beside that of a base": lambda f: (f / "base" / "kustomization.yml").write_text("resources: []\n"),
    "a base comes that was missed": lambda f: ((f / "far" / "base").mkdir(), (f / "far" / "base" / "kustomization.yaml").write_text("")),
    "a link to nowhere leads somewhere": lambda f: (f / "far" / "x.txt").write_text(BAD),
    "an old file keeps its time and size": _same_time_and_size,
}


@pytest.mark.parametrize("sleight", SLEIGHTS)
def test_no_sleight_of_hand_brings_an_answer_of_before(place: Place, sleight: str) -> None:
    deploy, base = place.folder / "deploy", place.folder / "base"
    (deploy / "a.yaml").unlink()
    (deploy / "old.yaml").write_text(CONFIG_MAP.replace("name: a", "name: o"))
    os.utime(deploy / "old.yaml", (1_000_000_000, 1_000_000_000))
    (deploy / "x").write_text("of no interest")
    (place.folder.parent / "out.yaml").write_text(CONFIG_MAP)
    (deploy / "out.yaml").symlink_to(place.folder.parent / "out.yaml")
    (deploy / "nowhere.yaml").symlink_to(place.folder / "far" / "x.txt")
    for overlay, named in (("near", "../../base"), ("missing", "../../far/base")):
        (deploy / overlay).mkdir()
        (deploy / overlay / "kustomization.yaml").write_text(f"resources: [{named}]\n")
    base.mkdir()
    (place.folder / "far").mkdir()
    (base / "kustomization.yaml").write_text("resources: [cm.yaml]\n")
    (base / "cm.yaml").write_text(CONFIG_MAP)
    place.run("deploy")
    assert place.remembers("deploy")
    SLEIGHTS[sleight](place.folder)
    assert not place.remembers("deploy")


def test_a_file_that_changed_after_it_was_read_is_not_remembered_with_the_answer_of_before(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kgate.cli.memory import Answer, Memory

    monkeypatch.setenv("XDG_CACHE_HOME", str(place.memory))
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.chdir(place.folder)
    file = place.folder / "deploy" / "a.yaml"

    def memory() -> Memory:
        made = Memory.of({}, ["."], stdout=None)
        assert made is not None
        return made

    for changed in (True, False):
        run = memory()
        run.watch()
        file.read_text()
        if changed:
            file.write_text(BAD)
        run.keep(Answer(reports=(), verdict="PASS", exit_code=0))
        assert (memory().recall() is None) is changed


def test_a_run_with_workers_of_its_own_is_remembered(place: Place) -> None:
    for n in range(24):
        (place.folder / "deploy" / f"web{n}.yaml").write_text(WEB.replace("name: web}", f"name: web{n}}}"))
    first, second = place.run("--jobs=3"), place.run("--jobs=3")
    assert REMEMBERED not in first.stderr
    assert REMEMBERED in second.stderr
    assert first.stdout == second.stdout
