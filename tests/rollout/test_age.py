"""A snapshot of a cluster does not last for ever."""

from __future__ import annotations

from pathlib import Path

import pytest

from kgate import load
from kgate.rollout import RolloutSettings, read_cluster, too_old
from kgate.rollout.cluster import moment
from kgate.rollout.settings import from_config

DAY = 24 * 3600
TAKEN = "2026-11-10T08:00:00Z"
THEN = 1794297600


def settings(text: str, tmp_path: Path, **how: object) -> RolloutSettings:
    (tmp_path / "cluster.yaml").write_text(text)
    body, source = load.settings_file(str(tmp_path / "cluster.yaml"))
    return from_config(how).on(read_cluster(body, file="cluster.yaml", source=source))


def test_times_are_read_as_the_api_writes_them() -> None:
    assert moment(TAKEN) == THEN
    assert moment("1970-01-01T00:00:00Z") == 0
    assert [moment(t) for t in ("", "2026-13-01T00:00:00Z", "2026-11-10", "2026-11-10T08:00:00+01:00", "unknown")] == [None] * 5


@pytest.mark.parametrize(
    ("days", "limit", "says"),
    [
        (7, {}, ""),
        (7.001, {}, f"the cluster was like this at {TAKEN}, more than 7 days ago"),
        (13, {"snapshot_max_age": 14}, ""),
        (400, {"snapshot_max_age": 0}, ""),
        (400, {"verdicts": {"old-cluster-snapshot": "off"}}, ""),
        (-0.01, {}, ""),
        (-1, {}, f"the cluster was packed at {TAKEN}, which is still to come"),
    ],
)
def test_a_snapshot_is_old_after_the_days_the_settings_say(days: float, limit: dict[str, object], says: str, tmp_path: Path) -> None:
    found = too_old(settings(f"nodes: [{{name: a}}]\ntaken: {TAKEN!r}\n", tmp_path, **limit), THEN + days * DAY)
    assert (found.message if found else "") == says
    if found:
        assert (found.rule, found.severity, found.file, found.line, found.column) == ("KG5006", "warning", "cluster.yaml", 2, 8)


def test_the_age_is_told_where_it_does_not_change_the_finding(tmp_path: Path) -> None:
    old = settings(f"nodes: [{{name: a}}]\ntaken: {TAKEN!r}\n", tmp_path)
    first, later = too_old(old, THEN + 13 * DAY), too_old(old, THEN + 14 * DAY)
    assert first is not None and later is not None
    assert first.remediation == "it is 13 days old: pack it again with kgate snapshot, or raise rollout.snapshot_max_age"
    assert first.fingerprint == later.fingerprint


def test_of_unknown_age_is_no_better_than_old(tmp_path: Path) -> None:
    found = too_old(settings("nodes: [{name: a}]\ntaken: unknown\n", tmp_path), THEN)
    assert found is not None
    assert found.message == "nobody knows when the cluster was like this"


def test_a_file_that_somebody_wrote_has_no_age(tmp_path: Path) -> None:
    assert too_old(settings("nodes: [{name: a}]\n", tmp_path), THEN) is None
    assert too_old(RolloutSettings(), THEN) is None


def test_the_severity_is_the_settings_to_say(tmp_path: Path) -> None:
    strict = settings("nodes: [{name: a}]\ntaken: unknown\n", tmp_path, verdicts={"old-cluster-snapshot": "error"})
    found = too_old(strict, THEN)
    assert found is not None
    assert found.severity == "error"
