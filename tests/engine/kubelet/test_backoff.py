"""What client-go's flowcontrol/backoff_test.go and the kubelet's use of it come to."""

from __future__ import annotations

from kgate.engine.kubelet.backoff import CAP_MS, RECOVERED_MS, Backoff


def test_the_first_try_after_a_failure_is_immediate_and_then_the_wait_doubles_to_five_minutes() -> None:
    backoff, waits, now = Backoff(), [], 1_000
    for _ in range(8):
        again = backoff.until(now)
        waits.append(again - now)
        backoff.next(now, again)
        now = again + 100  # it fails a tenth of a second later
    assert waits == [0, 10_000, 20_000, 40_000, 80_000, 160_000, CAP_MS, CAP_MS]


def test_who_ran_for_more_than_ten_minutes_begins_anew() -> None:
    backoff = Backoff(wait_ms=160_000, updated_ms=0)
    assert backoff.until(RECOVERED_MS) == RECOVERED_MS + 160_000
    assert backoff.until(RECOVERED_MS + 1) == RECOVERED_MS + 1
    backoff.next(RECOVERED_MS + 1, RECOVERED_MS + 1)
    assert backoff.wait_ms == 10_000
