"""The policies that were read before are those that stand in the files."""

from __future__ import annotations

from pathlib import Path

from kgate.policy import compiled
from kgate.policy.catalog import built_in_folder, catalog, load, parsed, texts

TEXTS = texts(built_in_folder())


def test_what_was_compiled_is_what_the_files_say() -> None:
    """When this fails, `python tools/build_policies.py` reads the files again; until then every start does."""
    read = compiled.read(TEXTS)
    assert read is not None
    assert read == parsed(TEXTS).policies == catalog().policies


def test_other_texts_are_read_from_yaml(tmp_path: Path) -> None:
    name, text = next(iter(TEXTS.items()))
    pack = tmp_path / name.split("/")[-2]
    pack.mkdir()
    (pack / name.split("/")[-1]).write_text(text, encoding="utf-8")
    assert compiled.read({name: text}) is None
    assert load(tmp_path).policies == tuple(p for p in parsed(TEXTS).policies if p.file == name)


def test_a_changed_word_is_another_text() -> None:
    name, text = next(iter(TEXTS.items()))
    assert compiled.read({**TEXTS, name: text + " "}) is None


def test_without_the_file_nothing_is_known(tmp_path: Path) -> None:
    assert compiled.read(TEXTS, tmp_path / "policies.bin") is None


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    data, policies = tmp_path / "policies.bin", parsed(TEXTS).policies
    data.write_bytes(compiled.written(policies, TEXTS))
    assert compiled.read(TEXTS, data) == policies
    assert compiled.written(policies, TEXTS) == data.read_bytes()
