"""Finding and opening files: every kind of thing that can stand in a folder."""

from __future__ import annotations

import os
import pickle
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kgate import load
from kgate.errors import UsageError
from kgate.load import files
from kgate.load.patterns import Patterns

POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: %s}\n"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    yield folder


def write(path: str, text: str | bytes = "") -> str:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_bytes(text if isinstance(text, bytes) else (text or POD % "p").encode())
    return path


def shown(loaded: load.Loaded) -> list[str]:
    return [m.file for m in loaded.manifests]


def test_folders_give_their_yaml_and_json_files_in_order() -> None:
    for name in (
        "b.yaml",
        "a/c.yml",
        "a/b.json",
        "a/B.YAML",
        "readme.md",
        "x.yaml.bak",
        ".git/config.yaml",
        "a/.git/x.yaml",
        ".hidden/h.yaml",
    ):
        write(name)
    assert shown(load.manifests(["."])) == [".hidden/h.yaml", "a/B.YAML", "a/b.json", "a/c.yml", "b.yaml"]


def test_a_named_file_may_be_called_anything() -> None:
    assert shown(load.manifests([write("manifest.txt"), write("-rf")])) == ["-rf", "manifest.txt"]


def test_a_file_is_read_once_however_often_it_is_named(here: Path) -> None:
    write("a/b.yaml")
    assert shown(load.manifests(["a/b.yaml", "./a/../a/b.yaml", ".", str(here / "a")])) == ["a/b.yaml"]


def test_paths_below_the_working_directory_are_shown_relative_to_it(here: Path, tmp_path: Path) -> None:
    write("a.yaml")
    other = tmp_path / "other.yaml"
    other.write_text(POD % "o")
    assert shown(load.manifests([str(here / "a.yaml"), str(other), "../other.yaml"])) == [str(other), "a.yaml"]


@pytest.mark.parametrize("path", ["nope.yaml", "nope/", "", "a\0b", "x" * 5000])
def test_a_path_that_does_not_exist_is_a_usage_error(path: str) -> None:
    with pytest.raises(UsageError, match="no such file or folder"):
        load.manifests([path])


def test_files_named_as_no_manifests_are_passed_over_in_silence() -> None:
    write(".kgate.yaml", "a: 1")
    write("cluster.yaml", "apiVersion: v1\nkind: Node\n")
    write("a.yaml")
    loaded = load.manifests([".", "cluster.yaml"], not_manifests=[".kgate.yaml", "./cluster.yaml"])
    assert (shown(loaded), loaded.skipped, loaded.files) == (["a.yaml"], (), 1)


EXCLUDES: list[tuple[str, list[str]]] = [
    ("b.yaml", ["a/c/d.yaml", "a/e.yml"]),
    ("/b.yaml", ["a/b.yaml", "a/c/d.yaml", "a/e.yml"]),
    ("a/", ["b.yaml"]),
    ("a", ["b.yaml"]),
    ("a/*", ["b.yaml"]),
    ("a/**", ["b.yaml"]),
    ("**/c/*.yaml", ["a/b.yaml", "a/e.yml", "b.yaml"]),
    ("a/**/d.yaml", ["a/b.yaml", "a/e.yml", "b.yaml"]),
    ("**/d.yaml", ["a/b.yaml", "a/e.yml", "b.yaml"]),
    ("*.y?ml", ["a/e.yml"]),
    ("[ab].yaml", ["a/c/d.yaml", "a/e.yml"]),
    ("[!b].yaml", ["a/b.yaml", "a/e.yml", "b.yaml"]),
    ("c/", ["a/b.yaml", "a/e.yml", "b.yaml"]),
    ("c/d.yaml", ["a/b.yaml", "a/c/d.yaml", "a/e.yml", "b.yaml"]),
    ("b.yaml/", ["a/b.yaml", "a/c/d.yaml", "a/e.yml", "b.yaml"]),
    ("./a", ["b.yaml"]),
    ("!a", ["a/b.yaml", "a/c/d.yaml", "a/e.yml", "b.yaml"]),
    ("", ["a/b.yaml", "a/c/d.yaml", "a/e.yml", "b.yaml"]),
    ("/", ["a/b.yaml", "a/c/d.yaml", "a/e.yml", "b.yaml"]),
    ("(", ["a/b.yaml", "a/c/d.yaml", "a/e.yml", "b.yaml"]),
]


@pytest.mark.parametrize(("pattern", "left"), EXCLUDES)
def test_exclude_patterns_work_as_in_a_gitignore(pattern: str, left: list[str]) -> None:
    for name in ("b.yaml", "a/b.yaml", "a/c/d.yaml", "a/e.yml"):
        write(name)
    assert shown(load.manifests(["."], exclude=[pattern])) == left


def test_a_later_pattern_takes_back_an_earlier_one() -> None:
    for name in ("a/b.yaml", "a/c.yaml", "d/c.yaml"):
        write(name)
    assert shown(load.manifests(["."], exclude=["c.yaml", "!a/c.yaml"])) == ["a/b.yaml", "a/c.yaml"]
    assert shown(load.manifests(["."], exclude=["a/", "!a/c.yaml"])) == ["d/c.yaml"]  # git: nothing comes back below an excluded folder


@pytest.mark.parametrize("pattern", ["*a" * 60 + "b", "**/a/" * 40 + "b", "**/" * 200 + "x"])
def test_no_pattern_makes_a_path_expensive(pattern: str) -> None:
    begin = time.process_time()
    patterns = Patterns.of([pattern])
    assert not patterns.match("/".join(["a" * 250] * 100), folder=False)
    assert not patterns.match("a/" * 200 + "a", folder=False)
    assert time.process_time() - begin < 2


def test_a_named_file_is_excluded_only_when_forced() -> None:
    write("a/b.yaml")
    assert shown(load.manifests(["a/b.yaml"], exclude=["a/"])) == ["a/b.yaml"]
    assert shown(load.manifests(["a/b.yaml", "a"], exclude=["a/"], force_exclude=True)) == []


def test_links_inside_a_folder_do_not_double_and_do_not_loop() -> None:
    write("a/real.yaml")
    Path("a/link.yaml").symlink_to("real.yaml")
    Path("a/self").symlink_to(".")
    Path("a/up").symlink_to("..")
    Path("a/x").symlink_to("y")
    Path("a/y").symlink_to("x")
    assert shown(load.manifests(["."])) == ["a/real.yaml"]


def test_a_link_whose_target_is_not_called_yaml_is_read() -> None:
    write("..data/conf")
    Path("conf.yaml").symlink_to("..data/conf")
    assert shown(load.manifests(["."])) == ["conf.yaml"]


def test_no_link_leads_out_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "secret.yaml").write_text("password: hunter2\n")
    Path("in").mkdir()
    Path("in/s.yaml").symlink_to("../../secret.yaml")
    Path("in/d").symlink_to("/")
    loaded = load.manifests(["in"])
    assert loaded.manifests == loaded.findings == ()
    assert [(s.file, s.wanted) for s in loaded.skipped] == [("in/d", False), ("in/s.yaml", True)]
    assert "hunter2" not in str(load.manifests(["in/s.yaml"]))
    assert [f.rule for f in load.manifests(["in/s.yaml"]).findings] == ["KG0001"]


def test_a_link_to_nowhere_and_a_link_to_itself_are_findings() -> None:
    Path("a.yaml").symlink_to("nowhere.yaml")
    Path("b.yaml").symlink_to("b.yaml")
    Path(".#c.yaml").symlink_to("user@host.1")
    messages = [(f.file, f.message) for f in load.manifests(["."]).findings]
    assert [m[0] for m in messages] == ["a.yaml", "b.yaml"]
    assert "nowhere" in messages[0][1]
    assert "itself" in messages[1][1]


@pytest.mark.parametrize("explicit", [True, False])
def test_what_is_no_regular_file_is_never_opened(explicit: bool) -> None:
    os.mkfifo("fifo.yaml")
    with socket.socket(socket.AF_UNIX) as s:
        s.bind("sock.yaml")
    loaded = load.manifests(["fifo.yaml", "sock.yaml"] if explicit else ["."])
    assert [(f.rule, f.message) for f in loaded.findings] == [
        ("KG0001", "not read: a FIFO, not a regular file"),
        ("KG0001", "not read: a socket, not a regular file"),
    ]


def test_a_device_is_never_opened() -> None:
    [finding] = load.manifests(["/dev/zero"]).findings
    assert "a device" in finding.message


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_what_may_not_be_read_is_a_finding() -> None:
    Path(write("a.yaml")).chmod(0)
    write("d/b.yaml")
    Path("d").chmod(0)
    assert [(f.file, f.rule) for f in load.manifests(["."]).findings] == [("a.yaml", "KG0001"), ("d", "KG0001")]
    Path("d").chmod(0o700)


def test_a_huge_file_is_refused_by_its_size() -> None:
    with Path("big.yaml").open("wb") as file:
        file.truncate(5_000_000_000)
    [finding] = load.manifests(["."]).findings
    assert finding.rule == "KG0007"


def test_a_huge_document_is_refused_by_its_length() -> None:
    write("big.yaml", f"apiVersion: v1\nkind: Pod\nx: {'a' * (17 * 1024 * 1024)}\n---\n{POD % 'p'}")
    loaded = load.manifests(["."])
    assert [f.rule for f in loaded.findings] == ["KG0007"]
    assert [m.document for m in loaded.manifests] == [1]


ENCODED: list[tuple[bytes, int, int, str]] = [
    ("kind: Pod\n".encode("utf-16"), 1, 1, "UTF-16"),
    ("kind: Pod\n".encode("utf-32"), 1, 1, "UTF-32"),
    ("kind: Pod\n".encode("utf-16-le"), 1, 2, "U+0000"),
    (b"a: 1\nb: \xc3\xa9\xff\n", 2, 5, "0xff"),
    (b"\x00GITCRYPT\x00\x93", 1, 11, "0x93"),
]


@pytest.mark.parametrize(("data", "line", "column", "words"), ENCODED)
def test_what_is_not_utf8_is_a_finding_with_its_place(data: bytes, line: int, column: int, words: str) -> None:
    write("a.yaml", data)
    [finding] = load.manifests(["."]).findings
    assert (finding.rule, finding.line, finding.column) == ("KG0002", line, column)
    assert words in finding.message


NAMES = [
    b"a b.yaml",
    b"new\nline.yaml",
    b"x\n::error::y.yaml",
    b"\x1b[31m.yaml",
    b"caf\xe9.yaml",
    b"$(touch pwned).yaml",
    b"*.yaml",
    b"-.yaml",
]


@pytest.mark.parametrize("name", NAMES)
def test_any_file_name_is_read_and_reported_harmlessly(name: bytes) -> None:
    Path("d").mkdir()
    with open(b"d/" + name, "wb") as file:  # noqa: PTH123 (the name is bytes)
        file.write(b"apiVersion: v1\nkind: Pod\nkind: Pod\n")
    loaded = load.manifests(["d"])
    [finding] = loaded.findings
    assert finding.file.isprintable()
    finding.file.encode("utf-8")
    assert loaded.manifests[0].locate(("kind",), key=True).line == 3


def test_standard_input_is_read_once() -> None:
    program = "from kgate import load; l = load.manifests(['-', '-']); print([(m.file, m.name) for m in l.manifests], l.files)"
    done = subprocess.run([sys.executable, "-c", program], input=POD % "p", capture_output=True, text=True, check=True)
    assert done.stdout == "[('<stdin>', 'p')] 1\n"


def test_templates_of_a_chart_are_not_judged_and_have_not_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    write("c/Chart.yaml", "apiVersion: v2\nname: c\nversion: 0.1.0\n")
    write("c/values.yaml", "a: 1\n")
    write("c/templates/deep/d.yaml")
    write("c/crds/crd.yaml")
    write("templates/plain.yaml")
    loaded = load.manifests(["."])
    assert shown(loaded) == ["c/crds/crd.yaml", "templates/plain.yaml"]
    assert [s.file for s in loaded.skipped if s.wanted] == ["c/Chart.yaml", "c/templates/deep/d.yaml"]
    assert [s.file for s in load.manifests(["c/templates"]).skipped if s.wanted] == ["c/templates/deep/d.yaml"]
    assert [s.file for s in load.manifests(["c/templates/deep/d.yaml"]).skipped if s.wanted] == ["c/templates/deep/d.yaml"]


def test_patches_of_a_kustomization_are_no_objects_of_their_own() -> None:
    write(
        "o/kustomization.yaml",
        "resources: [all.yaml, both.yaml]\npatches:\n- path: p/one.yaml\n- patch: '[]'\n- path: both.yaml\n"
        "patchesStrategicMerge: [two.yaml, 'kind: Pod\n\n  x: 1']\npatchesJson6902: [{path: three.yaml}]\n",
    )
    for name in ("o/p/one.yaml", "o/two.yaml", "o/three.yaml", "o/all.yaml", "o/both.yaml"):
        write(name)
    loaded = load.manifests(["o"])
    assert shown(loaded) == ["o/all.yaml", "o/both.yaml"]
    assert [s.file for s in loaded.skipped if "kustomize patch of o/kustomization.yaml" in s.reason] == [
        "o/p/one.yaml",
        "o/three.yaml",
        "o/two.yaml",
    ]
    assert shown(load.manifests(["o/p/one.yaml"])) == []


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=80) | st.text(alphabet="apiVersonkd: \n-{}[]v1&*'", max_size=80).map(str.encode))
def test_whatever_a_file_holds_the_answer_is_loaded(data: bytes) -> None:
    write("any.yaml", data)
    loaded = load.manifests(["."])
    assert loaded.files == 1
    assert loaded.manifests or loaded.findings or loaded.skipped


def test_what_was_loaded_travels_to_another_process() -> None:
    write("a.yaml")
    [manifest] = load.manifests(["."]).manifests
    place = manifest.locate(("kind",))
    assert pickle.loads(pickle.dumps(manifest)).locate(("kind",)) == place


def test_the_same_folder_gives_the_same_answer_in_any_order_of_paths() -> None:
    for n in range(5):
        write(f"d{n}/x.yaml", POD % n + "kind: Pod\n")
    names = [f"d{n}" for n in range(5)]
    one, other = load.manifests(names), load.manifests(names[::-1])
    assert (one.manifests, one.findings, one.skipped) == (other.manifests, other.findings, other.skipped)
    assert [s.file for s in one.sources] == [s.file for s in other.sources]


def test_a_fifo_that_appears_between_looking_and_opening_does_not_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is swapped after the first look: the open does not wait for a writer, and the second look refuses it."""
    os.mkfifo("fifo.yaml")
    regular = Path(write("regular.yaml")).stat()
    monkeypatch.setattr(files.os, "stat", lambda path: regular)
    with pytest.raises(files.Unreadable, match="a FIFO"):
        files.content("fifo.yaml")
