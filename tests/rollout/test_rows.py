from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgate.rollout.rows import Move, Pods, rows

OLD = Pods(old_ready=6, old_available=6)


def move(at_s: float, what: str, n: int = 1, text: str = "") -> Move:
    return Move(at_ms=round(at_s * 1000), what=what, n=n, text=text)  # type: ignore[arg-type]


def table(start: Pods, *moves: Move, most: int = 8, surges: bool = True, at_once: bool = True) -> list[tuple[float, str, int, str]]:
    """Time, pods drawn, available, event."""
    steps = rows(start, moves, most=most, surges=surges, at_once=at_once)
    drawn = [("o" * s.old_ready + "x" * s.old_unready + "N" * s.new_ready + "." * s.new_starting) for s in steps]
    return [(s.at_ms / 1000, pods, s.available, s.event) for s, pods in zip(steps, drawn, strict=True)]


def test_a_rolling_update_of_six_is_told_in_seven_rows() -> None:
    told = table(
        OLD,
        move(0, "new", 2),
        move(0, "old", -1),
        move(0, "new", 1),
        *[move(40, "new ready")] * 3,
        move(40, "old", -1),
        move(40, "new", 1),
        move(40, "old", -2),
        move(40, "new", 2),
        *[move(80, "new ready")] * 3,
        move(80, "old", -2),
        move(80, "said", 1, "complete"),
    )
    assert told == [
        (0, "oooooo", 6, "start"),
        (0, "oooooo..", 6, "new +2 (surge full: 8/8)"),
        (0, "ooooo...", 5, "old -1, new +1"),
        (40, "oooooNNN", 8, "3 new ready"),
        (40, "ooNNN...", 5, "old -3, new +3"),
        (80, "ooNNNNNN", 8, "3 new ready"),
        (80, "NNNNNN", 6, "old -2, complete"),
    ]


def test_a_new_deployment_is_told_in_three_rows() -> None:
    told = table(Pods(), move(0, "new", 2), move(10, "new ready", 2), move(10, "said", 1, "complete"), most=3, surges=False)
    assert told == [(0, "", 0, "start"), (0, "..", 0, "new +2"), (10, "NN", 2, "2 new ready, complete")]


@pytest.mark.parametrize(
    ("moves", "events"),
    [
        ((move(0, "new", 2), move(0, "unschedulable"), move(0, "unschedulable")), ["new +2 (surge full: 8/8), 2 unschedulable"]),
        ((move(0, "new", 1), move(5, "unschedulable")), ["new +1", "1 unschedulable"]),
        ((move(0, "new", 2), move(3, "waiting", 1, "ImagePullBackOff")), ["new +2 (surge full: 8/8)", "1 ImagePullBackOff"]),
        ((move(0, "old", -6), move(1, "new", 6)), ["old -6", "new +6"]),
        ((move(600, "said", 1, "ProgressDeadlineExceeded"),), ["ProgressDeadlineExceeded"]),
        (
            (move(0, "new", 2), move(4, "new ready", 2), move(6, "new ready", -1)),
            ["new +2 (surge full: 8/8)", "2 new ready", "1 new not ready"],
        ),
    ],
)
def test_what_happens_together_is_one_row(moves: tuple[Move, ...], events: list[str]) -> None:
    assert [event for *_, event in table(OLD, *moves)][1:] == events


def test_with_min_ready_seconds_ready_pods_become_available_later() -> None:
    told = table(Pods(), move(0, "new", 2), move(10, "new ready", 2), move(15, "new available", 2), at_once=False, surges=False)
    assert [(pods, available, event) for _, pods, available, event in told][2:] == [
        ("NN", 0, "2 new ready"),
        ("NN", 2, "2 new available"),
    ]


def test_old_pods_that_are_not_ready_go_first() -> None:
    start = Pods(old_ready=2, old_unready=1, old_available=2)
    assert table(start, move(0, "old", -2))[-1] == (0, "o", 1, "old -2")


MOVES = st.builds(
    Move,
    at_ms=st.just(0),
    what=st.sampled_from(["new", "old", "new ready", "old ready", "new available", "unschedulable", "said"]),
    n=st.integers(-9, 9),
    text=st.just("x"),
)


@given(st.lists(MOVES, max_size=30), st.booleans())
def test_whatever_happens_no_number_is_negative_and_available_pods_are_ready(moves: list[Move], at_once: bool) -> None:
    for step in rows(OLD, moves, most=8, surges=True, at_once=at_once):
        assert min(step.old_ready, step.old_unready, step.new_ready, step.new_starting, step.available) >= 0
        assert step.available <= step.old_ready + step.new_ready
