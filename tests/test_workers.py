"""Work in several processes comes to what it would have come to in one, whatever becomes of a worker."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgate import workers
from kgate.errors import ConfigError, KgateError
from kgate.workers import done

FIRST = os.getpid()


def _children() -> set[int]:
    return {int(p) for p in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()}


@pytest.fixture(autouse=True)
def before() -> set[int]:
    """Children that other tests of this process have left."""
    return _children()


@settings(max_examples=25, deadline=None)
@given(count=st.integers(0, 60), jobs=st.integers(1, 6), least=st.integers(1, 9))
def test_results_are_those_of_one_process_in_their_order(count: int, jobs: int, least: int) -> None:
    assert done(lambda n: (n, "x" * n), count, jobs=jobs, least=least) == [(n, "x" * n) for n in range(count)]


def test_more_pieces_than_a_pipe_takes_are_all_done() -> None:
    assert done(lambda n: n, 30_001, jobs=3, least=1) == list(range(30_001))


def test_answers_larger_than_a_pipe_arrive_whole() -> None:
    assert done(lambda n: bytes([n]) * 1_000_000, 9, jobs=3, least=1) == [bytes([n]) * 1_000_000 for n in range(9)]


def test_several_processes_work_and_the_first_does_not() -> None:
    pids = set(done(lambda n: (time.sleep(0.01), os.getpid())[1], 40, jobs=3, least=1))
    assert len(pids) == 3
    assert FIRST not in pids


@pytest.mark.parametrize(("count", "jobs", "least"), [(11, 8, 6), (40, 1, 1), (1, 4, 1), (0, 4, 1)])
def test_little_work_is_done_where_it_is(count: int, jobs: int, least: int) -> None:
    assert set(done(lambda _: os.getpid(), count, jobs=jobs, least=least)) <= {FIRST}


def test_no_worker_has_less_to_do_than_is_worth_it() -> None:
    assert len(set(done(lambda n: (time.sleep(0.01), os.getpid())[1], 14, jobs=8, least=6))) == 2


def test_a_fault_is_the_one_that_the_first_faulty_piece_raises_anywhere(before: set[int]) -> None:
    def work(n: int) -> int:
        if n in (5, 9):
            raise ConfigError.at("c.yaml", n, 1, "wrong", hint=f"mend {n}")
        return n

    for jobs in (1, 2, 5):
        with pytest.raises(KgateError) as caught:
            done(work, 12, jobs=jobs, least=1)
        assert type(caught.value) is ConfigError
        assert (caught.value.message, caught.value.hint) == ("c.yaml:5:1: wrong", "mend 5")
        assert _children() <= before


def test_what_cannot_travel_is_done_where_it_is() -> None:
    results = done(lambda n: (lambda: n) if n == 3 else n, 12, jobs=2, least=1)
    assert results[3]() == 3
    assert [r for i, r in enumerate(results) if i != 3] == [n for n in range(12) if n != 3]


def test_the_work_of_a_worker_that_is_killed_is_done_all_the_same(before: set[int]) -> None:
    def work(n: int) -> int:
        if n in (2, 6) and os.getpid() != FIRST:
            os.kill(os.getpid(), signal.SIGKILL)
        return n

    assert done(work, 20, jobs=2, least=1) == list(range(20))
    assert _children() <= before


def test_without_a_process_to_be_had_everything_is_done_in_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", refused)
    assert set(done(lambda _: os.getpid(), 9, jobs=3, least=1)) == {FIRST}


def test_it_is_told_how_much_is_done() -> None:
    told: list[tuple[int, int]] = []
    for jobs in (1, 3):
        done(lambda n: n, 20, jobs=jobs, least=1, told=lambda n, of: told.append((n, of)))
    assert told == [(n, 20) for n in range(1, 21)] * 2


def test_no_pipe_and_no_process_is_left(before: set[int]) -> None:
    pipes = sorted(Path("/proc/self/fd").iterdir())
    for _ in range(5):
        done(lambda n: n, 20, jobs=3, least=1)
    assert sorted(Path("/proc/self/fd").iterdir()) == pipes
    assert _children() <= before


HEARING = """
import sys
from kgate import workers
heard = []
sys.addaudithook(lambda event, arguments: heard.append((event, arguments)) if event.startswith("kgate.") or event == "os.fork" else None)
def work(n):
    if n == 3:
        open(sys.argv[1]).close()
    return n
workers.done(work, 6, jobs=2, least=1)
forks = [event for event, _ in heard if event in (workers.FORK, "os.fork")]
assert forks == [workers.FORK, "os.fork"] * 2, forks
assert any(arguments[:2] == ("open", sys.argv[1]) for event, arguments in heard if event == workers.HEARD), heard
"""


def test_what_a_worker_opens_is_heard_in_the_first_process(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("")
    run = subprocess.run([sys.executable, "-c", HEARING, str(tmp_path / "f")], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


INTERRUPTED = """
import os, sys, time
from kgate import workers
def work(n):
    os.write(1, f"{os.getpid()}{os.linesep}".encode())
    time.sleep(60)
try:
    workers.done(work, 4, jobs=2, least=1)
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.mark.parametrize(("sent", "to_all"), [(signal.SIGINT, True), (signal.SIGINT, False)])
def test_an_interrupt_leaves_no_process(sent: signal.Signals, to_all: bool) -> None:
    """A terminal tells the whole group, whoever starts kgate perhaps only kgate."""
    run = subprocess.Popen([sys.executable, "-c", INTERRUPTED], stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert run.stdout is not None
    pids = [int(run.stdout.readline()) for _ in range(2)]
    (os.killpg if to_all else os.kill)(run.pid, sent)
    assert run.wait(timeout=20) == 130
    run.stdout.close()
    assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []


ORPHANS = INTERRUPTED.replace("sleep(60)", "sleep(0.3)").replace("work, 4", "work, 400")


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGKILL])
def test_when_kgate_is_killed_its_workers_end_with_their_piece(sent: signal.Signals) -> None:
    run = subprocess.Popen([sys.executable, "-c", ORPHANS], stdout=subprocess.PIPE, text=True)
    assert run.stdout is not None
    pids = [int(run.stdout.readline()) for _ in range(2)]
    run.send_signal(sent)
    run.wait(timeout=20)
    deadline = time.monotonic() + 10
    while (left := [pid for pid in pids if _alive(pid)]) and time.monotonic() < deadline:
        time.sleep(0.05)
    run.stdout.close()
    assert left == []


def _alive(pid: int) -> bool:
    """A zombie, which nobody adopts in some containers, is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_machine_has_at_least_one_processor_and_is_never_filled() -> None:
    assert 1 <= workers.processors() <= workers.MOST
