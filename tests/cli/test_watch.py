"""`--watch` as somebody at a terminal has it: a process that checks again when files change, until it is interrupted."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

KGATE = str(Path(sys.executable).parent / "kgate")
GOOD = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: b}\ndata: {k: v}\n"
REFUSED = GOOD.replace("{k: v}", "{k: 3}")


class Watched:
    """A running `kgate check --watch`."""

    def __init__(self, folder: Path, *args: str, stdout: int = subprocess.PIPE) -> None:
        clean = {k: v for k, v in os.environ.items() if k not in ("CI", "NO_COLOR", "FORCE_COLOR", "KGATE_CONFIG")}
        self.out = folder.parent / "out.txt"
        with self.out.open("wb") as out:
            self.process = subprocess.Popen(
                [KGATE, "check", "--watch", "--offline", "--stage=validate", "--report=concise", *args],
                cwd=folder,
                env=clean | {"XDG_CACHE_HOME": str(folder.parent / "memory"), "TERM": "xterm"},
                stdin=subprocess.DEVNULL,
                stdout=out if stdout == subprocess.PIPE else stdout,
                stderr=subprocess.STDOUT if stdout == subprocess.PIPE else subprocess.DEVNULL,
                start_new_session=True,
            )

    def runs(self, wanted: int) -> list[str]:
        """The verdicts so far, once there are that many."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            said = [line for line in self.out.read_text().splitlines() if line.startswith(("verdict:", "kgate: error"))]
            if len(said) >= wanted:
                return [line.split()[1] for line in said]
            time.sleep(0.05)
        raise AssertionError(self.out.read_text())

    def stop(self, sent: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(sent)
        return self.process.wait(timeout=20)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "repository"
    (folder / ".git").mkdir(parents=True)
    (folder / "a.yaml").write_text(GOOD)
    yield folder


def test_it_checks_again_when_a_file_changes_comes_or_goes_and_ends_with_130(folder: Path) -> None:
    watched = Watched(folder)
    assert watched.runs(1) == ["PASS"]
    (folder / "a.yaml").write_text(REFUSED)
    assert watched.runs(2) == ["PASS", "FAIL"]
    (folder / "b.yaml").write_text(GOOD.replace("name: a", "name: b"))
    assert watched.runs(3)[2:] == ["FAIL"]
    (folder / "a.yaml").unlink()
    assert watched.runs(4)[3:] == ["PASS"]
    assert watched.stop() == 130
    assert "Traceback" not in watched.out.read_text()
    assert "---" not in watched.out.read_text()


def test_settings_and_the_files_that_they_name_are_watched(folder: Path) -> None:
    watched = Watched(folder, "a.yaml")
    watched.runs(1)
    (folder / ".kgate.yaml").write_text("rollout: {cluster: cluster.yaml}\n")
    watched.runs(2)
    (folder / "cluster.yaml").write_text("nodes: [{name: n, cpu: '4', memory: 8Gi}]\n")
    watched.runs(3)
    (folder / ".kgate.yaml").write_text("fail_onn: error\n")
    assert watched.runs(4)[3] == "error:"
    (folder / ".kgate.yaml").write_text("fail_on: error\n")
    assert watched.runs(5)[4] == "PASS"
    watched.stop()


def test_a_report_among_the_files_is_no_change(folder: Path) -> None:
    watched = Watched(folder, "--report=json:report.json")
    watched.runs(1)
    time.sleep(1.5)
    assert len(watched.runs(1)) == 1
    assert (folder / "report.json").exists()
    watched.stop()


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_no_process_is_left_of_a_run_that_was_under_way(folder: Path, sent: signal.Signals) -> None:
    (folder / "deep").mkdir()
    watched = Watched(folder)
    watched.runs(1)
    for n in range(400):
        (folder / "deep" / f"{n}.yaml").write_text(GOOD * 20)
    time.sleep(0.4)
    assert watched.stop(sent) == 130
    assert [p for p in Path("/proc").iterdir() if p.name.isdigit() and _session(p) == watched.process.pid] == []


def _session(process: Path) -> int:
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[3])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def test_a_terminal_gets_the_time_of_each_run(folder: Path) -> None:
    master, slave = pty.openpty()
    watched = Watched(folder, stdout=slave)
    os.close(slave)
    shown = b""
    deadline = time.monotonic() + 30
    while b"verdict" not in shown and time.monotonic() < deadline:
        shown += os.read(master, 65536)
    watched.stop()
    os.close(master)
    first = shown.decode().splitlines()[0]
    assert first.startswith("--- ")
    assert first.endswith(" ---")
