"""What is remembered is an answer only for the same content, scanner, database and platform."""

from __future__ import annotations

from pathlib import Path

from kgate.images.cache import Cache, default_folder
from kgate.images.contents import content
from kgate.images.registry import Present
from kgate.images.scanner import ScanResult, Vulnerability

RESULT = ScanResult(
    scanner="trivy 1", vulnerabilities=(Vulnerability(id="CVE-2099-0001", package="p", installed="1", severity="HIGH"),)
)  # fmt: skip


def test_an_answer_comes_back_for_its_own_key_alone(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "new" / "folder")
    cache.keep_result(RESULT, "trivy 1", "sha256:a")
    assert cache.result("trivy 1", "sha256:a") == RESULT
    assert cache.result("trivy 2", "sha256:a") is None and cache.result("trivy 1sha256:a", "") is None


def test_a_spoilt_file_is_no_answer(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    cache.keep_result(RESULT, "k")
    (file,) = tmp_path.iterdir()
    for spoilt in (b"", b"{", b"[]", b'{"scanner": 1}', b"\xff\xfe", file.read_bytes()[:-9]):
        file.write_bytes(spoilt)
        assert cache.result("k") is None


def test_no_folder_remembers_nothing_and_one_that_cannot_be_written_costs_no_answer(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for cache in (Cache(None), Cache(tmp_path / "file" / "x")):
        cache.keep_result(RESULT, "k")
        assert cache.result("k") is None


def test_platforms_are_known_by_digest(tmp_path: Path) -> None:
    cache, there = Cache(tmp_path), Present(digest="sha256:a", platforms=("linux/amd64",))
    cache.keep_presence(there)
    assert cache.presences.get("sha256:a") == there and cache.presences.get("sha256:b") is None


def test_a_machine_without_a_home_has_no_memory(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/x")
    assert default_folder() == Path("/home/x/.cache/kgate/images")
    monkeypatch.delenv("HOME")
    assert default_folder() is None


def test_content_is_named_by_every_byte_and_every_name(tmp_path: Path) -> None:
    folder = tmp_path / "layout"
    folder.mkdir()
    seen = set()
    for name, text in (("a", "1"), ("b", "1"), ("b", "2")):
        (folder / name).write_text(text)
        seen |= {content(folder), content(folder / name)}
    assert len(seen) == 5 and content(tmp_path / "none") == content(tmp_path / "none")
