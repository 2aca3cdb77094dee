"""The base of a change, read from real repositories that try to be clever."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from kgate import load
from kgate.errors import KgateError, UsageError

POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: %s}\n"

Git = Callable[..., str]


@pytest.fixture
def git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Git:
    """A repository with one commit on `main`, the working directory being its top."""
    folder = tmp_path / "repo"
    folder.mkdir()
    monkeypatch.chdir(folder)
    environment = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main", "-c", "protocol.file.allow=always"]

    def run(*arguments: str) -> str:
        done = subprocess.run(["git", *identity, *arguments], env=environment, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    run("init", "-q")
    write("deploy/web.yaml", POD % "old")
    write("other.yaml", POD % "other")
    run("add", ".")
    run("commit", "-qm", "one")
    run("branch", "-f", "start")
    return run


def write(path: str, text: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)


def names(loaded: load.Loaded) -> list[tuple[str, str]]:
    return [(m.file, m.name) for m in loaded.manifests]


def test_the_base_is_where_the_branches_parted(git: Git) -> None:
    git("checkout", "-qb", "feature")
    write("deploy/web.yaml", POD % "new")
    git("commit", "-qam", "two")
    git("checkout", "-q", "main")
    write("deploy/web.yaml", POD % "moved-on")
    git("commit", "-qam", "three")
    git("checkout", "-q", "feature")
    write("deploy/web.yaml", POD % "not-committed")
    assert names(load.base("main", ["."])) == [("deploy/web.yaml", "old"), ("other.yaml", "other")]
    assert names(load.manifests(["deploy"])) == [("deploy/web.yaml", "not-committed")]


def test_a_commit_a_tag_and_a_relative_name_are_refs_too(git: Git) -> None:
    commit = git("rev-parse", "HEAD")
    git("tag", "-a", "v1", "-m", "x")
    git("commit", "-q", "--allow-empty", "-m", "two")
    for ref in (commit, commit[:10], "v1", "HEAD~1", "main~1", "@{0}"):
        assert len(load.base(ref, ["."]).manifests) == 2


def test_paths_are_shown_as_those_of_the_working_tree(git: Git, monkeypatch: pytest.MonkeyPatch) -> None:
    assert names(load.base("start", ["deploy"])) == [("deploy/web.yaml", "old")]
    assert names(load.base("start", ["deploy/web.yaml", str(Path.cwd() / "deploy"), "nope", "-"])) == [("deploy/web.yaml", "old")]
    monkeypatch.chdir("deploy")
    assert names(load.base("start", ["."])) == [("web.yaml", "old")]
    assert names(load.base("start", [".."])) == [("../other.yaml", "other"), ("web.yaml", "old")]


def test_what_was_deleted_since_is_still_there(git: Git) -> None:
    git("rm", "-qr", "deploy")
    git("commit", "-qm", "two")
    assert names(load.base("start", ["deploy", "deploy/web.yaml"])) == [("deploy/web.yaml", "old")]


def test_excludes_settings_charts_and_patches_count_in_the_base_too(git: Git) -> None:
    write("c/Chart.yaml", "apiVersion: v2\nname: c\nversion: 0.1.0\n")
    write("c/templates/a.yaml", POD % "t")
    write("k/kustomization.yaml", "patches: [{path: p.yaml}]\n")
    write("k/p.yaml", POD % "patch")
    write("cluster.yaml", POD % "cluster")
    git("add", ".")
    git("commit", "-qm", "two")
    assert names(load.base("HEAD", ["."], exclude=["deploy/"], not_manifests=["cluster.yaml"])) == [("other.yaml", "other")]


@pytest.mark.parametrize("ref", ["--output=pwned", "-h", "", "nope", "HEAD~99", "a b", "x\ny", "..", "HEAD:deploy/web.yaml", "^HEAD", "\0"])
def test_what_names_no_commit_is_a_usage_error(git: Git, ref: str) -> None:
    with pytest.raises(UsageError, match="names no commit"):
        load.base(ref, ["."])
    assert not Path("pwned").exists()


def test_nothing_that_the_repository_names_is_run(git: Git) -> None:
    marker = Path.cwd().parent / "ran"
    hook = f"touch {marker}; true"
    for name in ("core.fsmonitor", "core.pager", "core.sshCommand", "diff.external", "filter.x.smudge", "filter.x.clean", "alias.cat-file"):
        git("config", name, hook)
    write(".gitattributes", "*.yaml filter=x diff=x export-ignore\n")
    Path(".git/hooks/post-index-change").write_text(f"#!/bin/sh\n{hook}\n")
    Path(".git/hooks/post-index-change").chmod(0o755)
    assert len(load.base("start", ["."]).manifests) == 2
    assert not marker.exists()


def test_variables_of_the_environment_do_not_lead_elsewhere(git: Git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", "false")
    assert len(load.base("start", ["."]).manifests) == 2


def test_a_shallow_clone_is_told_how_to_get_its_history(git: Git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git("commit", "-q", "--allow-empty", "-m", "two")
    origin = Path.cwd()
    git("clone", "-q", "--depth=1", f"file://{origin}", str(tmp_path / "shallow"))
    monkeypatch.chdir(tmp_path / "shallow")
    with pytest.raises(UsageError) as caught:
        load.base("origin/start", ["."])
    assert "fetch-depth: 0" in caught.value.hint


def test_histories_without_a_common_commit_cannot_be_compared(git: Git) -> None:
    git("checkout", "-q", "--orphan", "alien")
    git("commit", "-q", "--allow-empty", "-m", "alien")
    with pytest.raises(KgateError, match="no common ancestor"):
        load.base("main", ["."])


def test_links_and_submodules_of_the_base_are_not_followed(git: Git) -> None:
    Path("link.yaml").symlink_to("/etc/passwd")
    Path("deploy/link.yaml").symlink_to("web.yaml")
    git("add", ".")
    git("update-index", "--add", "--cacheinfo", f"160000,{git('rev-parse', 'HEAD')},sub.yaml")
    git("commit", "-qm", "two")
    assert names(load.base("HEAD", ["."])) == [("deploy/web.yaml", "old"), ("other.yaml", "other")]


def test_odd_names_and_contents_survive_the_store(git: Git) -> None:
    for name in (b"new\nline.yaml", b"caf\xe9.yaml", b"tab\t.yaml"):
        with open(name, "wb") as file:  # noqa: PTH123 (the name is bytes)
            file.write((POD % "odd").encode())
    write("empty.yaml", "")
    write("no-newline.yaml", (POD % "last").rstrip("\n"))
    git("add", ".")
    git("commit", "-qm", "two")
    assert sorted(n for _, n in names(load.base("HEAD", ["."]))) == ["last", "odd", "odd", "odd", "old", "other"]


def test_outside_of_a_repository_there_is_no_base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(KgateError, match="git repository"):
        load.base("main", ["."])


def test_a_path_outside_of_the_repository_has_no_base(git: Git) -> None:
    with pytest.raises(UsageError, match="outside"):
        load.base("start", ["../.."])


def test_a_repository_without_git_at_hand_is_told_so(git: Git, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(KgateError, match="not on PATH"):
        load.base("start", ["."])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a repository away")
def test_a_repository_of_another_user_can_be_read(git: Git) -> None:
    for path in (Path.cwd(), *Path.cwd().rglob("*")):
        os.chown(path, 12345, 12345)
    assert len(load.base("start", ["."]).manifests) == 2


def test_an_object_that_is_missing_from_the_store_is_a_fault_of_the_run(git: Git) -> None:
    name = git("rev-parse", "HEAD:other.yaml")
    Path(f".git/objects/{name[:2]}/{name[2:]}").unlink()
    with pytest.raises(KgateError, match="does not have the object"):
        load.base("start", ["."])
    assert names(load.base("start", ["deploy"])) == [("deploy/web.yaml", "old")]


def test_a_git_that_hangs_is_given_up(git: Git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "bin" / "git"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nexec /bin/sleep 30\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    monkeypatch.setattr("kgate.load.git.DEADLINE_S", 0.2)
    with pytest.raises(KgateError, match="did not answer"):
        load.base("start", ["."])


def test_a_repository_without_a_commit_has_no_base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    subprocess.run(["git", "init", "-q"], check=True, env={"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull})
    with pytest.raises(UsageError, match="names no commit"):
        load.base("HEAD", ["."])


def test_a_huge_blob_of_the_base_is_refused_by_its_size(git: Git, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kgate.load.git.MAX_FILE", 20)
    assert {f.rule for f in load.base("start", ["."]).findings} == {"KG0007"}
    monkeypatch.setattr("kgate.load.git.MAX_FILE", 1000)
    monkeypatch.setattr("kgate.load.git.MAX_TOTAL", 20)
    with pytest.raises(KgateError, match="more than 512 MiB"):
        load.base("start", ["."])
