"""A scanner is found where the machine's owner put it, never where a pull request could."""

from __future__ import annotations

import os
from pathlib import Path
from threading import Event

import pytest

from kgate.images.executable import find
from kgate.images.scanner import NotScanned
from kgate.images.trivy import probe_version


def script(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return file


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a planted trivy."""
    folder = tmp_path / "repository"
    script(folder / "trivy", "echo planted")
    monkeypatch.chdir(folder)
    return folder


def test_a_name_is_looked_up_on_path_only(tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = script(tmp_path / "bin" / "trivy", "echo good")
    monkeypatch.setenv("PATH", os.pathsep.join(["", ".", str(tmp_path / "no"), str(good.parent)]))
    assert find("trivy") == str(good)


def test_a_missing_trivy_is_told_with_how_to_install_it(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", ":.:" + str(repository.parent))
    with pytest.raises(NotScanned, match=r"^trivy not found; install it"):
        find("trivy")


def test_what_is_no_program_is_not_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "trivy").write_text("not executable")
    (tmp_path / "folder").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in ("trivy", "folder", str(tmp_path / "trivy")):
        with pytest.raises(NotScanned, match="not found"):
            find(name)


def test_a_path_into_the_repository_is_refused(tmp_path: Path, repository: Path) -> None:
    (tmp_path / "link").symlink_to(repository / "trivy")
    for name in ("./trivy", "bin/trivy", str(repository / "trivy"), str(tmp_path / "link"), f"{tmp_path}/x/../repository/trivy"):
        with pytest.raises(NotScanned, match="the scanned repository could bring along"):
            find(name)


def test_an_absolute_path_elsewhere_is_taken(tmp_path: Path, repository: Path) -> None:
    assert find(str(script(tmp_path / "opt" / "scan", ""))) == str(tmp_path / "opt" / "scan")


@pytest.mark.parametrize("version", ["0.59.1", "0.76.0", "1.0.0"])
def test_released_versions_are_taken(tmp_path: Path, version: str) -> None:
    found = probe_version(str(script(tmp_path / "trivy", f"echo Version: {version}; echo 'Vulnerability DB:'")), Event())
    assert ".".join(map(str, found)) == version


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("echo Version: 0.69.4", "trivy 0.69.4 is a malicious release"),
        ("echo Version: 0.58.2", "trivy 0.58.2 is older than 0.59.0"),
        ("echo Version: dev", "does not say which version"),
        ("echo Version: 0.76.0-beta", "does not say which version"),
        ("echo hello; exit 3", "does not say which version"),
        ("exit 0", "does not say which version"),
    ],
)
def test_other_versions_are_refused(tmp_path: Path, said: str, reason: str) -> None:
    with pytest.raises(NotScanned, match=reason):
        probe_version(str(script(tmp_path / "trivy", said)), Event())


def test_a_program_for_another_machine_is_told(tmp_path: Path) -> None:
    file = tmp_path / "trivy"
    file.write_bytes(b"\x7fELF" + bytes(60))
    file.chmod(0o755)
    with pytest.raises(NotScanned, match="cannot be started: Exec format error"):
        probe_version(str(file), Event())
