"""How old the picture of the cluster is."""

from __future__ import annotations

from msgspec.structs import replace

from kgate.finding import Finding, Severity
from kgate.rollout.cluster import UNKNOWN, ClusterSpec, moment
from kgate.rollout.rules import OLD_SNAPSHOT
from kgate.rollout.settings import RolloutSettings

_DAY_S = 24 * 3600
_AHEAD_S = 3600
"""Clocks differ; a snapshot from further ahead is from nowhere."""


def taken(spec: ClusterSpec) -> str:
    """What the bounds say of it, after the name of the file."""
    if not spec.taken:
        return ""
    return ", taken nobody knows when" if spec.taken == UNKNOWN else f", taken {spec.taken}"


def too_old(settings: RolloutSettings, now_s: float) -> Finding | None:
    """Of a snapshot only; `now_s` are seconds since 1970. The message does not change from day to day, so that a waiver holds."""
    spec, limit, severity = settings.spec, settings.snapshot_max_age_days, settings.severity(OLD_SNAPSHOT)
    if spec is None or not spec.taken or not limit or severity is None:
        return None
    then = moment(spec.taken)
    if then is None:
        return _found(spec, severity, "nobody knows when the cluster was like this", None)
    age_s = int(now_s) - then
    if age_s < -_AHEAD_S:
        return _found(spec, severity, f"the cluster was packed at {spec.taken}, which is still to come", None)
    if age_s <= limit * _DAY_S:
        return None
    remediation = f"it is {age_s // _DAY_S} days old: {OLD_SNAPSHOT.remediation}"
    return _found(spec, severity, f"the cluster was like this at {spec.taken}, more than {limit} days ago", remediation)


def _found(spec: ClusterSpec, severity: Severity, message: str, remediation: str | None) -> Finding:
    found = Finding.in_file(spec.file, spec.taken_at, rule=OLD_SNAPSHOT, message=message, remediation=remediation)
    return replace(found, severity=severity)
