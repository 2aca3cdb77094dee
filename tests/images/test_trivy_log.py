"""Each fault of a run is told in words that help."""

from __future__ import annotations

from pathlib import Path

import pytest

from kgate.images.room import MAX_TAIL_BYTES as MAX_BYTES
from kgate.images.room import tail
from kgate.images.trivy_log import alpine_branch, fault

FATAL = "2099-01-01T00:00:00Z\tFATAL\tFatal error\tunable to find the specified image in [remote]: 1 error occurred:\n\t* "


@pytest.mark.parametrize(
    ("stderr", "returncode", "reason"),
    [
        (FATAL + "GET https://r/v2/a/manifests/1: MANIFEST_UNKNOWN: manifest unknown", 1, "the registry has no such image"),
        (FATAL + "NAME_UNKNOWN: repository name not known", 1, "the registry has no such image"),
        (FATAL + "UNAUTHORIZED: authentication required", 1, "the registry wants credentials"),
        (FATAL + "DENIED: requested access is denied", 1, "the registry denies access, or has no such image"),
        (FATAL + "TOOMANYREQUESTS: slow down", 1, "the registry's rate limit is reached"),
        (FATAL + "unexpected status code 500 Internal Server Error", 1, "the registry answered with an internal error"),
        (FATAL + "dial tcp 127.0.0.1:5: connect: connection refused", 1, "the registry cannot be reached"),
        (FATAL + "dial tcp: lookup r.invalid: no such host", 1, "the registry cannot be reached"),
        (FATAL + "no child with platform linux/s390x in index", 1, "the image does not exist for this platform"),
        ("ERROR\t[vulndb] The first run cannot skip downloading DB", 1, "no vulnerability database"),
        ("The local DB has an old schema version", 1, "the vulnerability database has an old schema"),
        ("failed to open db: invalid database", 1, "the vulnerability database is damaged"),
        ("panic: runtime error\ngoroutine 1 [running]:", 2, "trivy crashed"),
        ("cache may be in use by another process: timeout", 1, "trivy's cache is in use by another process"),
        ("FATAL\tFatal error\tunknown flag: --pkg-types", 1, "this trivy does not know an option that kgate uses"),
        ("", -15, "trivy was ended by signal 15"),
        ("one\n two \n\n", 7, "trivy failed with exit code 7: two"),
        ("", 1, "trivy failed with exit code 1"),
    ],
)
def test_stderr_is_understood(stderr: str, returncode: int, reason: str) -> None:
    assert fault(stderr, returncode).reason == reason


LOOKED_UP = '2099-01-01T00:00:00Z\tINFO\t[alpine] Detecting vulnerabilities...\tos_version="{}" repository="{}" pkg_num=1\n'


@pytest.mark.parametrize(
    ("log", "branch"),
    [
        ("x\n" + LOOKED_UP.format("3.18", "3.18"), "3.18"),
        (LOOKED_UP.format("3.18", "3.99"), "3.99"),
        (LOOKED_UP.format("3.18", "edge"), "edge"),
        (LOOKED_UP.format("3.18", ""), "3.18"),
        ('INFO\tDetected OS\tversion="[alpine] Detecting vulnerabilities..."\n', ""),
        ("", ""),
    ],
)
def test_the_branch_of_alpine_that_was_looked_up_is_read_from_the_log(log: str, branch: str) -> None:
    assert alpine_branch(log) == branch


def test_only_the_end_of_a_long_stderr_is_read(tmp_path: object) -> None:
    from pathlib import Path

    file = Path(str(tmp_path)) / "stderr"
    file.write_bytes(b"\xff" * MAX_BYTES + b"the end")
    assert tail(file).endswith("the end") and len(tail(file)) == MAX_BYTES


def test_a_servers_log_tells_of_the_images_of_a_minor_release(tmp_path: Path) -> None:
    from kgate.images.trivy_server import Server

    log = tmp_path / "log"
    line = '2026-01-01T00:00:00Z\tINFO\t[alpine] Detecting vulnerabilities...\tos_version="3.18" repository="{}" pkg_num=2\n'
    log.write_text(line.format(""))
    server = Server(url="http://127.0.0.1:1", token="t", log=log)
    assert server.branches("3.18.4") == server.branches("3.18") == {"3.18"} and server.branches("3.1") == frozenset()
    log.write_text(line.format("") + line.format("edge"))
    assert server.branches("3.18.4") == {"3.18", "edge"}
