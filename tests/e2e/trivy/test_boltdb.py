"""The reader of bucket names, on files written by the tests' own writer; Trivy reads the same files in test_trivy."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kgate.images.bolt import DamagedFileError, bucket_names
from tests.e2e.trivy import boltdb

NAMES = frozenset(f"debian {n}" for n in range(120))


def write(file: Path, *, capacity: int = boltdb.PAGE) -> Path:
    boltdb.write(file, {name: {"package": b"x" * 50} for name in NAMES} | {"no bucket": b"value"}, capacity=capacity)
    return file


@pytest.mark.parametrize("capacity", [1, 40, 200, 4096, 10**9])
def test_names_of_buckets_are_read_from_trees_of_any_depth(tmp_path: Path, capacity: int) -> None:
    assert bucket_names(write(tmp_path / "db", capacity=capacity)) == NAMES


def test_the_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    assert write(tmp_path / "a").read_bytes() == write(tmp_path / "b").read_bytes()


def test_one_whole_meta_page_is_enough(tmp_path: Path) -> None:
    file = write(tmp_path / "db")
    content = bytearray(file.read_bytes())
    for start in (0, boltdb.PAGE):
        broken = content[:]
        broken[start + 20] ^= 0xFF
        file.write_bytes(broken)
        assert bucket_names(file) == NAMES


@pytest.mark.parametrize("content", [b"", b"x", b"\0" * 10_000, b"SQLite format 3\0" * 600])
def test_what_is_no_database_is_damaged(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "db").write_bytes(content)
    with pytest.raises(DamagedFileError):
        bucket_names(tmp_path / "db")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(st.integers(0, 2**20))
def test_a_truncated_file_is_damaged(tmp_path: Path, at: int) -> None:
    content = write(tmp_path / "db", capacity=200).read_bytes()
    (tmp_path / "db").write_bytes(content[: at % len(content)])
    with pytest.raises(DamagedFileError):
        bucket_names(tmp_path / "db")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(st.data())
def test_damage_inside_ends_in_names_or_in_a_refusal(tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(write(tmp_path / "db", capacity=200).read_bytes())
    for at, byte in data.draw(st.lists(st.tuples(st.integers(3 * boltdb.PAGE, len(content) - 1), st.integers(0, 255)), max_size=30)):
        content[at] = byte
    root = int.from_bytes(content[16 + 16 : 16 + 24], "little") * boltdb.PAGE
    for at, byte in data.draw(st.lists(st.tuples(st.integers(root, root + 200), st.integers(0, 255)), max_size=10)):
        content[at % len(content)] = byte
    (tmp_path / "db").write_bytes(content)
    with contextlib.suppress(DamagedFileError):
        bucket_names(tmp_path / "db")
