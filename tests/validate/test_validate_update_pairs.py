"""Which object of the base an object of the head was, and the whole way: two commits of a real repository through the gate."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kgate import Options, gate
from kgate.finding import Stage
from kgate.manifest import Manifest
from kgate.outcome import Verdict
from kgate.validate.update.pairs import before
from tests.validate.validated import DELETED, Nowhere, changed, deployment

Commit = Callable[[str], None]


def manifest(file: str, name: str = "web", **metadata: Any) -> Manifest:
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, **metadata}}
    return Manifest(source=Nowhere(file=file), document=0, body=body)


def files(head: list[Manifest], base: list[Manifest]) -> list[str | None]:
    return [found.file if found else None for found in before(head, base)]


@pytest.mark.parametrize(
    ("head", "base", "expected"),
    [
        (["a.yaml"], ["a.yaml"], ["a.yaml"]),
        (["b.yaml"], ["a.yaml"], ["a.yaml"]),
        (["dev.yaml", "prod.yaml"], ["prod.yaml", "dev.yaml"], ["dev.yaml", "prod.yaml"]),
        (["dev.yaml", "prod.yaml"], ["dev.yaml"], ["dev.yaml", None]),
        (["c.yaml"], ["a.yaml", "b.yaml"], [None]),
        (["c.yaml", "d.yaml"], ["a.yaml"], [None, None]),
        (["a.yaml"], [], [None]),
    ],
)
def test_an_object_is_the_one_of_its_file_or_the_only_one_that_has_moved(head: list[str], base: list[str], expected: list[str]) -> None:
    assert files([manifest(f) for f in head], [manifest(f) for f in base]) == expected


def test_another_name_namespace_or_a_generated_name_is_another_object() -> None:
    base = [manifest("a.yaml", namespace="one"), manifest("a.yaml", generateName="web-", name="")]
    assert files([manifest("a.yaml", namespace="two"), manifest("a.yaml", name="other")], base) == [None, None]
    assert files([manifest("a.yaml", generateName="web-", name="")], base) == [None]


def test_of_two_in_one_file_the_first_was_the_first() -> None:
    one, two = manifest("a.yaml"), manifest("a.yaml")
    assert [found is was for found, was in zip(before([manifest("a.yaml"), manifest("a.yaml")], [one, two]), (one, two), strict=True)] == [
        True,
        True,
    ]


@pytest.fixture
def commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Commit:
    """The working directory is a repository; each call commits all that lies in it."""
    monkeypatch.chdir(tmp_path)
    environment = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}

    def run(*arguments: str) -> None:
        identity = ("-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main")
        subprocess.run(["git", *identity, *arguments], env=environment, capture_output=True, check=True)

    def commit_all(message: str) -> None:
        run("add", "-A")
        run("commit", "-qm", message)

    run("init", "-q")
    return commit_all


def write(body: Any, name: str = "web.yaml") -> None:
    Path(name).write_text(body if isinstance(body, str) else json.dumps(body, indent=1) + "\n")


BASE = changed(deployment(), "spec.template.metadata.labels", {"app": "web", "tier": "front"})
OTHER = changed(BASE, "spec.selector", {"matchLabels": {"tier": "front"}})
BROKEN = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web\n"
OPTIONS = Options(base="HEAD~1", stages=(Stage.VALIDATE,), kubernetes_version="1.36")


def test_a_selector_that_changed_since_the_base_is_refused_at_its_line(commit: Commit) -> None:
    write(BASE)
    commit("one")
    write(OTHER)
    commit("two")
    report = gate(OPTIONS)
    (finding,) = report.findings
    assert finding.message == 'spec.selector: Invalid value: {"matchLabels":{"tier":"front"}}: field is immutable'
    assert (finding.line, finding.name) == (Path("web.yaml").read_text().split("\n").index('    "tier": "front"') + 1, "invalid-value")
    assert report.verdict is Verdict.FAIL


def test_without_a_base_the_same_object_is_sound(commit: Commit) -> None:
    write(OTHER)
    assert gate(Options(stages=(Stage.VALIDATE,))).findings == ()


def test_what_was_removed_stands_at_its_parent(commit: Commit) -> None:
    write({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "immutable": True, "data": {"a": "1", "b": "2"}})
    commit("one")
    write({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "immutable": True, "data": {"a": "1"}})
    commit("two")
    (finding,) = gate(OPTIONS).findings
    line = Path("web.yaml").read_text().split("\n").index(' "data": {') + 1
    assert (finding.path, finding.line) == ("/data/b", line)


def test_an_object_that_moved_to_another_file_is_still_the_same(commit: Commit) -> None:
    write(BASE)
    commit("one")
    Path("web.yaml").unlink()
    write(OTHER, "moved.yaml")
    commit("two")
    assert [f.file for f in gate(OPTIONS).findings] == ["moved.yaml"]


def test_a_base_that_cannot_be_read_is_said_and_leaves_the_run_incomplete(commit: Commit) -> None:
    write(BROKEN)
    commit("one")
    write(BASE)
    commit("two")
    report = gate(OPTIONS)
    (skipped,) = report.skipped
    assert skipped.wanted and skipped.reason.startswith("base version of web.yaml cannot be read: ")
    assert report.verdict is Verdict.INCOMPLETE


def test_a_broken_file_that_is_gone_is_nobodys_base(commit: Commit) -> None:
    write(BROKEN, "old.yaml")
    commit("one")
    Path("old.yaml").unlink()
    write(BASE)
    commit("two")
    assert gate(OPTIONS).verdict is Verdict.PASS


def test_what_is_excluded_or_kgates_own_is_left_out_of_the_base_too(commit: Commit) -> None:
    write(BASE)
    commit("one")
    Path("web.yaml").unlink()
    write(OTHER, "moved.yaml")
    commit("two")
    report = gate(Options(base="HEAD~1", stages=(Stage.VALIDATE,), exclude=("web.yaml",)))
    assert report.findings == ()


def test_a_deployment_whose_change_is_refused_is_not_rehearsed(commit: Commit) -> None:
    write(changed(BASE, "metadata.namespace", DELETED))
    commit("one")
    write(changed(OTHER, "metadata.namespace", DELETED))
    commit("two")
    report = gate(Options(base="HEAD~1", stages=(Stage.ROLLOUT,)))
    assert report.rollouts == ()
    assert [s.reason for s in report.skipped] == ["Deployment web: rollout not rehearsed, the API server would refuse the object"]
