"""Settings, cluster and scenario files: one document, whose faults end the run with a place."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kgate.errors import ConfigError
from kgate.load import settings_file
from kgate.manifest import Location


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


GOOD: list[tuple[str, str, object]] = [
    ("a.yaml", "a: {b: on}\n", {"a": {"b": True}}),
    ("a.yaml", "---\na: 1\n", {"a": 1}),
    ("a.yaml", "# nothing\n", None),
    ("a.json", '{"a": [1, 2.5]}', {"a": [1, 2.5]}),
    ("a.JSON", '\ufeff{"a": 1}', {"a": 1}),
]


@pytest.mark.parametrize(("name", "text", "data"), GOOD)
def test_one_document_is_given_with_its_text(name: str, text: str, data: object) -> None:
    Path(name).write_text(text)
    assert settings_file(name)[0] == data


@pytest.mark.parametrize(("name", "text"), [("a.yaml", "# x\n---\n  a:\n    b: 1\n"), ("a.json", '\n\n {"a":\n  {"b": 1}}')])
def test_places_of_settings_are_known(name: str, text: str) -> None:
    Path(name).write_text(text)
    data, source = settings_file(name)
    assert source.file == name
    assert data == {"a": {"b": 1}}
    assert source.locate(0, ("a", "b"), key=True) == Location(line=4, column=5 if name == "a.yaml" else 4)


BAD: list[tuple[str, str, str]] = [
    ("a.yaml", "a: [\n", "a.yaml:1:4: "),
    ("a.yaml", "a: 1\na: 2\n", 'a.yaml:2:1: key "a" is set twice'),
    ("a.yaml", "a: 1\n---\nb: 2\n", "a.yaml:3:1: 2 documents"),
    ("a.yaml", "a: 1\n--- b\n", "a.yaml:2:1: "),
    ("a.yaml", "[" * 5000, "a.yaml:1:"),
    ("a.json", '{"a": 1,\n}', "a.json:2:1: not valid JSON"),
    ("a.json", "[" * 100_000, "a.json:1:1: "),
    ("a.json", "[" * 500 + "]" * 500, "a.json:1:1: "),
    ("a.json", '{"a": ' + "1" * 5000 + "}", "a.json:1:1: "),
]


@pytest.mark.parametrize(("name", "text", "message"), BAD)
def test_a_fault_ends_the_run_with_its_place(name: str, text: str, message: str) -> None:
    Path(name).write_text(text)
    with pytest.raises(ConfigError) as caught:
        settings_file(name)
    assert caught.value.message.startswith(message)


def test_a_file_that_cannot_be_read_ends_the_run() -> None:
    os.mkfifo("fifo.yaml")
    for name in ("nope.yaml", "fifo.yaml", "."):
        with pytest.raises(ConfigError, match="not read"):
            settings_file(name)


def test_a_file_that_is_no_text_ends_the_run_with_its_place() -> None:
    Path("a.yaml").write_bytes(b"a: 1\nb: \xff\n")
    with pytest.raises(ConfigError, match=r"a\.yaml:2:4: byte 0xff"):
        settings_file("a.yaml")
