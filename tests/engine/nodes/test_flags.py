from __future__ import annotations

import pytest

from kgate.engine.flags import FlagError, Flags, minor


@pytest.mark.parametrize(
    ("value", "ms"),
    [("6s", 6000), ("100ms", 100), ("1m30s", 90_000), ("1h", 3_600_000), ("1.5s", 1500), (".5s", 500), ("0", 0), (40, 40_000), (0.25, 250)],
)
def test_a_duration_is_written_as_go_writes_it_or_in_seconds(value: object, ms: int) -> None:
    assert Flags({"node-monitor-period": value}).duration_ms("node-monitor-period", 5000) == ms


@pytest.mark.parametrize(
    "value", ["", "6", "s", "6 s", "-6s", "6sec", "1s!", "nan", float("nan"), float("inf"), "9" * 99 + "h", True, [], {}]
)
def test_what_is_no_duration_is_refused_by_the_name_of_its_flag(value: object) -> None:
    with pytest.raises(FlagError, match="--node-monitor-period"):
        Flags({"node-monitor-period": value}).duration_ms("node-monitor-period", 5000)


def test_a_period_is_never_zero() -> None:
    with pytest.raises(FlagError):
        Flags({"node-monitor-period": "0s"}).duration_ms("node-monitor-period", 5000, least=1)


@pytest.mark.parametrize(("value", "number"), [(10, 10), ("0.1", 0.1), (0, 0), (None, 7)])
def test_a_number_is_a_number_or_the_text_of_one(value: object, number: float) -> None:
    assert Flags({"node-eviction-rate": value}).number("node-eviction-rate", 7) == number


@pytest.mark.parametrize("value", ["many", -1, "nan", "inf", 1e300, True])
def test_what_is_no_rate_is_refused(value: object) -> None:
    with pytest.raises(FlagError):
        Flags({"node-eviction-rate": value}).number("node-eviction-rate", 7)


@pytest.mark.parametrize("version", ["1.36", "v1.36", "1.36.2"])
def test_a_version_has_a_minor(version: str) -> None:
    assert minor(version) == 36
