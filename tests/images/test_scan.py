"""Which images are asked about, and where from: nothing over the network unless somebody said so."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kgate import load
from kgate.images import judge
from kgate.images.settings import ImagesSettings, from_config
from kgate.outcome import ImageOutcome
from tests.e2e.trivy import registry
from tests.e2e.trivy.advisories import write_cache


def pod(*images: str) -> str:
    containers = "".join(f'  - {{name: c{i}, image: "{image}"}}\n' for i, image in enumerate(images))
    return f"apiVersion: v1\nkind: Pod\nmetadata: {{name: x}}\nspec:\n  containers:\n{containers}"


def outcomes(tmp_path: Path, settings: ImagesSettings, *images: str) -> tuple[ImageOutcome, ...]:
    file = tmp_path / "pod.yaml"
    file.write_text(pod(*images))
    return judge(load.manifests([str(file)]).manifests, settings).images


def witness(tmp_path: Path, then: str = "exit 1") -> str:
    """A scanner that says Version 0.76.0 and writes down what it is called with, one argument a line."""
    file = tmp_path / "opt" / "trivy"
    file.parent.mkdir(exist_ok=True)
    file.write_text(
        f'#!/bin/sh\nfor a in "$@"; do printf "%s\\n" "$a" >> {tmp_path}/called\n'
        '[ "$a" != --version ] || { echo Version: 0.76.0; exit; }; done\n'
        f"env >> {tmp_path}/environment; pwd >> {tmp_path}/cwd; ls -A >> {tmp_path}/ls\n{then}\n"
    )
    file.chmod(0o755)
    return str(file)


def cache(tmp_path: Path) -> str:
    """A database with two meta pages, and an empty root bucket."""
    return str(write_cache(tmp_path / "cache"))


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({}, "kgate uses no network by default, and images.archives names no archive of it; set images.pull to true, or name an archive"),
        ({"scan": "off"}, "images.scan is off"),
        ({"archives": {"nginx:1": "no.tar"}}, "there is no archive no.tar"),
        ({"pull": True, "registries": ["quay.io"]}, "images.registries does not allow pulling from docker.io"),
        ({"trivy": "no-such-scanner"}, "trivy not found as no-such-scanner; install it"),
    ],
)
def test_an_image_that_cannot_be_had_says_why(tmp_path: Path, settings: dict[str, object], reason: str) -> None:
    (outcome,) = outcomes(tmp_path, from_config({"trivy": witness(tmp_path)} | settings), "nginx:1")
    assert outcome.reason is not None and outcome.reason.startswith(reason) and not outcome.scanned
    assert not (tmp_path / "called").exists()


def test_a_machine_without_a_home_or_a_temporary_folder_scans_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.tar").touch()
    settings = {"trivy": witness(tmp_path), "archives": {"a": f"{tmp_path}/x.tar"}}
    monkeypatch.delenv("HOME")
    assert outcomes(tmp_path, from_config(settings), "a")[0].reason == (
        "HOME is not set, so nobody knows where Trivy keeps its database; set images.cache_dir"
    )
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "no"))
    (outcome,) = outcomes(tmp_path, from_config(settings | {"cache_dir": cache(tmp_path)}), "a")
    assert (outcome.reason or "").startswith("no temporary folder can be made: No such file or directory")


def test_offline_beats_pull(tmp_path: Path) -> None:
    settings = from_config({"pull": True, "trivy": witness(tmp_path)}, offline=True)
    assert outcomes(tmp_path, settings, "nginx")[0].reason == "kgate runs offline, and images.archives names no archive of it"
    assert not (tmp_path / "called").exists()


@pytest.mark.parametrize(
    "image",
    [
        "localhost:5000/a", "127.0.0.1:5000/a", "10.0.0.1/a", "169.254.169.254/latest/meta-data", "[::1]:5000/a",
        "metadata.google.internal/a",
        "192.168.0.1/a", "2130706433.1/a", "registry.default.svc/a", "registry.local:5000/a", "host:5000/a", "0.0.0.0:80/a", "100.64.0.1/a",
    ],
)  # fmt: skip
def test_no_manifest_sends_the_scanner_into_the_inner_network(tmp_path: Path, image: str) -> None:
    settings = from_config({"pull": True, "trivy": witness(tmp_path), "cache_dir": cache(tmp_path)})
    (outcome,) = outcomes(tmp_path, settings, image)
    assert outcome.reason is not None and "is no public address; list it under images.registries" in outcome.reason
    assert not (tmp_path / "called").exists()


HOSTILE = [
    "--help", "-v", "--config=/tmp/x", "a b", "a\\nb", "a\\n--severity=LOW", "$(id)", "`id`", "a;id", "a|id", "a&&id", "../../etc/passwd",
    "nginx --input x", "a\\u0000b", "App", "file:///etc/passwd", "http://example.org/a",
        "a\\t-x", "\\u2013help", "nginx@sha256:0", "-", "--",
]  # fmt: skip


def test_hostile_images_never_reach_a_child(tmp_path: Path) -> None:
    settings = from_config({"pull": True, "trivy": witness(tmp_path), "cache_dir": cache(tmp_path)})
    found = outcomes(tmp_path, settings, *HOSTILE)
    assert len(found) == len(HOSTILE) and not (tmp_path / "called").exists()
    assert all((o.reason or "").startswith("it is no image reference") for o in found)
    assert all(o.image.isprintable() and (o.reason or "").isprintable() for o in found)


def test_the_call_is_hardened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pulling: the reference stands alone behind `--`, written anew by kgate, with the digest that the tag has now."""
    for name, value in {
        "TRIVY_SEVERITY": "LOW",
        "GITHUB_TOKEN": "s",
        "LD_PRELOAD": "",
        "HTTPS_PROXY": "http://p:1",
        "DOCKER_CONFIG": "d",
    }.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "repository").mkdir()
    (tmp_path / "repository" / ".trivyignore").write_text("CVE-2099-0001\n")
    monkeypatch.chdir(tmp_path / "repository")
    with registry.serving({}) as (host, digest):
        settings = from_config(
            {"pull": True, "trivy": witness(tmp_path), "cache_dir": cache(tmp_path), "timeout_s": 90, "registries": [host]}
        )
        (outcome,) = outcomes(tmp_path, settings, f"{host}/shop/api:1")
    assert outcome.reason == "trivy failed with exit code 1"
    called = (tmp_path / "called").read_text().split("--version\n", 1)[1].splitlines()
    assert called[-2:] == ["--", f"{host}/shop/api@{digest}"]
    assert called[:5] == ["image", "--config", "/dev/null", "--ignorefile", "/dev/null"]
    for flag in ("--skip-db-update", "--skip-java-db-update", "--offline-scan", "--list-all-pkgs", "--no-progress"):
        assert flag in called
    assert called[called.index("--timeout") + 1] == "90s" and called[called.index("--platform") + 1] == "linux/amd64"
    environment = dict(line.split("=", 1) for line in (tmp_path / "environment").read_text().splitlines())
    assert environment["DOCKER_CONFIG"] != "d"
    allowed = {
        "DOCKER_CONFIG",
        "PATH",
        "HOME",
        "TMPDIR",
        "LANG",
        "TRIVY_SKIP_VERSION_CHECK",
        "TRIVY_DISABLE_TELEMETRY",
        "HTTPS_PROXY",
        "PWD",
        "SHLVL",
        "_",
        "OLDPWD",
    }
    assert (
        set(environment) - {"SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"} <= allowed
    )
    assert (tmp_path / "ls").read_text() == "" and not Path((tmp_path / "cwd").read_text().strip()).exists()


def test_the_time_for_all_images_is_kept(tmp_path: Path) -> None:
    trivy = witness(tmp_path, "sleep 60")
    names = [f"a{i}" for i in range(4)]
    (tmp_path / "x.tar").touch()
    settings = from_config(
        {
            "trivy": trivy,
            "cache_dir": cache(tmp_path),
            "archives": {n: str(tmp_path / "x.tar") for n in names},
            "jobs": 2,
            "timeout_all_s": 1,
        }
    )
    began = time.monotonic()
    reasons = {o.reason for o in outcomes(tmp_path, settings, *names)}
    assert time.monotonic() - began < 15
    assert any("did not end within" in (r or "") or "s for all images were over" in (r or "") for r in reasons)


def test_a_hanging_scanner_ends_with_its_children_and_its_image_is_not_scanned(tmp_path: Path) -> None:
    trivy = witness(tmp_path, f"echo $$ >> {tmp_path}/pids; sleep 61 & echo $! >> {tmp_path}/pids; wait")
    (tmp_path / "x.tar").touch()
    settings = from_config({"trivy": trivy, "cache_dir": cache(tmp_path), "archives": {"a": f"{tmp_path}/x.tar"}, "timeout_s": 1})
    (outcome,) = outcomes(tmp_path, settings, "a")
    assert outcome.reason == "trivy did not end within 1 s; raise images.timeout_s" and not outcome.scanned
    pids = (tmp_path / "pids").read_text().split()
    assert len(pids) == 2 and gone(pids)


def gone(pids: list[str]) -> bool:
    """Within two seconds; a zombie that nobody has reaped yet is gone."""
    until = time.monotonic() + 2
    while (left := [pid for pid in pids if alive(pid)]) and time.monotonic() < until:
        time.sleep(0.02)
    return not left


def alive(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_with_a_server_leaves_no_child(tmp_path: Path, number: signal.Signals) -> None:
    """A real server, if there is one; a client that hangs."""
    real = Path(sys.executable).with_name("trivy")
    if not real.exists():
        pytest.skip("trivy is not installed beside python")
    hang = f"sleep 61 & echo $! >> {tmp_path}/pids; wait"
    trivy = witness(tmp_path, f'echo $$ >> {tmp_path}/pids; [ "$1" != server ] || exec {real} "$@"; {hang}')
    (tmp_path / "x.tar").touch()
    (tmp_path / "pod.yaml").write_text(pod("a", "b", "c", "d"))
    argv = [sys.executable, "-c", INTERRUPTED, trivy, cache(tmp_path), str(tmp_path / "x.tar"), str(tmp_path / "pod.yaml")]
    process = subprocess.Popen(argv, stderr=subprocess.DEVNULL)
    pids = tmp_path / "pids"
    until = time.monotonic() + 20
    while not (pids.exists() and len(pids.read_text().split()) == 9) and time.monotonic() < until:
        time.sleep(0.02)
    assert len(pids.read_text().split()) == 9
    process.send_signal(number)
    process.wait(20)
    assert gone(pids.read_text().split())


INTERRUPTED = """
import sys
from kgate import load
from kgate.images import from_config, judge
settings = from_config({"trivy": sys.argv[1], "cache_dir": sys.argv[2], "archives": dict.fromkeys("abcd", sys.argv[3])})
judge(load.manifests([sys.argv[4]]).manifests, settings)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, -signal.SIGINT), (signal.SIGTERM, 128 + signal.SIGTERM)])
def test_an_interrupted_run_leaves_no_child(tmp_path: Path, number: signal.Signals, code: int) -> None:
    trivy = witness(tmp_path, f"echo $$ >> {tmp_path}/pids; sleep 61 & echo $! >> {tmp_path}/pids; wait")
    (tmp_path / "x.tar").touch()
    (tmp_path / "pod.yaml").write_text(pod("a", "b"))
    argv = [sys.executable, "-c", INTERRUPTED, trivy, cache(tmp_path), str(tmp_path / "x.tar"), str(tmp_path / "pod.yaml")]
    process = subprocess.Popen(argv, stderr=subprocess.DEVNULL)
    pids = tmp_path / "pids"
    until = time.monotonic() + 20
    while not (pids.exists() and len(pids.read_text().split()) == 4) and time.monotonic() < until:
        time.sleep(0.02)
    process.send_signal(number)
    assert process.wait(20) == code
    assert gone(pids.read_text().split())


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 128 + signal.SIGTERM)])
def test_an_interrupted_command_leaves_no_child(tmp_path: Path, number: signal.Signals, code: int) -> None:
    """With a scanner that does not want to end, and children of its own."""
    trivy = witness(tmp_path, f"trap '' TERM INT; echo $$ >> {tmp_path}/pids; sleep 61 & echo $! >> {tmp_path}/pids; wait; sleep 60")
    (tmp_path / "x.tar").touch()
    (tmp_path / "pod.yaml").write_text(pod("a", "b"))
    images = {"trivy": trivy, "cache_dir": cache(tmp_path), "archives": dict.fromkeys("ab", str(tmp_path / "x.tar"))}
    (tmp_path / "settings.yaml").write_text(json.dumps({"images": images}))
    argv = [
        sys.executable,
        "-m",
        "kgate",
        "check",
        "--stage",
        "images",
        "--config",
        str(tmp_path / "settings.yaml"),
        str(tmp_path / "pod.yaml"),
    ]
    process = subprocess.Popen(argv, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    pids = tmp_path / "pids"
    until = time.monotonic() + 20
    while not (pids.exists() and len(pids.read_text().split()) >= 2) and time.monotonic() < until:
        time.sleep(0.02)
    process.send_signal(number)
    _, said = process.communicate(timeout=20)
    assert process.returncode == code and "Traceback" not in said
    assert gone(pids.read_text().split())


def test_progress_goes_from_none_to_all(tmp_path: Path) -> None:
    (tmp_path / "x.tar").touch()
    file = tmp_path / "pod.yaml"
    file.write_text(pod("a", "b", "c"))
    settings = from_config({"trivy": witness(tmp_path), "cache_dir": cache(tmp_path), "archives": dict.fromkeys("ab", f"{tmp_path}/x.tar")})
    seen: list[tuple[int, int]] = []
    judge(load.manifests([str(file)]).manifests, settings, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(0, 2), (1, 2), (2, 2)]


def test_the_default_needs_nothing_and_starts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(witness(tmp_path)).parent
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    assert [o.scanned for o in outcomes(tmp_path, ImagesSettings(), "nginx", "redis")] == [False, False]
    assert not (tmp_path / "called").exists()
