"""A child ends at its deadline, and takes its own children along."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from threading import Event, Timer

import pytest

from kgate.images.child import GRACE_S, Ended, run

FAMILY = """
import os, signal, subprocess, sys, time
if "stubborn" in sys.argv: signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"])
print(os.getpid(), child.pid, flush=True)
if "leaves" not in sys.argv: time.sleep(60)
"""


def family(tmp_path: Path, *, deadline_s: float, stop: Event | None = None, mood: str = "") -> tuple[Ended, list[int], float]:
    """How it ended, the process ids of parent and child, and the seconds it took."""
    argv = [sys.executable, "-c", FAMILY, mood]
    began = time.monotonic()
    ended = run(
        argv, cwd=str(tmp_path), env={}, stdout=f"{tmp_path}/out", stderr=f"{tmp_path}/err", deadline_s=deadline_s, stop=stop or Event()
    )  # fmt: skip
    return ended, [int(pid) for pid in (tmp_path / "out").read_text().split()], time.monotonic() - began


def alive(pid: int) -> bool:
    """A killed process may stay a zombie until somebody reaps it; that is not alive."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def wait_until_gone(pids: list[int]) -> bool:
    until = time.monotonic() + 2
    while any(alive(pid) for pid in pids) and time.monotonic() < until:
        time.sleep(0.01)
    return not any(alive(pid) for pid in pids)


pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")


def test_a_hanging_child_and_its_child_are_gone_after_the_deadline(tmp_path: Path) -> None:
    ended, pids, took = family(tmp_path, deadline_s=1)
    assert ended.timed_out and took < 1 + GRACE_S and len(pids) == 2
    assert wait_until_gone(pids)


@pytest.mark.slow
def test_a_child_that_ignores_the_polite_signal_is_killed(tmp_path: Path) -> None:
    ended, pids, took = family(tmp_path, deadline_s=0.5, mood="stubborn")
    assert ended.timed_out and ended.returncode == -9 and took < 1 + GRACE_S + 1
    assert wait_until_gone(pids)


def test_a_stopped_run_does_not_wait_for_the_deadline(tmp_path: Path) -> None:
    stop = Event()
    Timer(0.5, stop.set).start()
    ended, pids, took = family(tmp_path, deadline_s=30, stop=stop)
    assert ended.interrupted and took < 10 and wait_until_gone(pids)


def test_what_a_child_leaves_behind_ends_with_it(tmp_path: Path) -> None:
    ended, pids, took = family(tmp_path, deadline_s=30, mood="leaves")
    assert (ended.returncode, ended.timed_out) == (0, False) and took < 10
    assert wait_until_gone(pids)


def test_a_child_sees_only_its_own_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "secret")
    argv = [sys.executable, "-S", "-E", "-c", "import os; print(sorted(os.environ))"]
    run(argv, cwd="/", env={"A": "b"}, stdout=f"{tmp_path}/o", stderr=f"{tmp_path}/e", deadline_s=20, stop=Event())
    assert "GITHUB_TOKEN" not in (tmp_path / "o").read_text() and "'A'" in (tmp_path / "o").read_text()


def test_a_program_that_cannot_be_started_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        run([f"{tmp_path}/no"], cwd="/", env={}, stdout=os.devnull, stderr=os.devnull, deadline_s=1, stop=Event())
