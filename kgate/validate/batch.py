"""Group batch: Job and CronJob (pkg/apis/batch/validation/validation.go)."""

from __future__ import annotations

import re

from kgate.manifest import Path
from kgate.validate import cron, domainpath, formats, jobpolicy, pod, selectors
from kgate.validate.cause import Body, Causes, invalid, number, part, required, text, too_long
from kgate.validate.cause import not_supported as unsupported
from kgate.validate.gates import Gates
from kgate.validate.meta import no_negative

_COUNTS = (
    "parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished", "backoffLimitPerIndex",
    "maxFailedIndexes",
)  # fmt: skip
_MAX_CRON_JOB_NAME = 52
"""A Job of it appends eleven characters to the name."""
_ZONE = re.compile("[A-Za-z._0-9+][A-Za-z._0-9+-]{0,13}").fullmatch
_MANY = 100_000
_FEW = 10_000
_MAX_MANAGER = 63


def job(body: Body, on: Gates) -> Causes:
    """The server writes selector and labels itself unless manualSelector says otherwise."""
    spec = part(body, "spec")
    yield from _job_spec(spec, ("spec",), on)
    if spec.get("manualSelector") and spec.get("selector") is None:
        yield required(("spec", "selector"))
    yield from selectors.causes(part(spec, "selector"), ("spec", "selector"))
    yield from _hostnames(spec, text(part(body, "metadata"), "name"))
    labels = part(part(spec, "template"), "metadata").get("labels")
    if spec.get("manualSelector") and spec.get("selector") is not None and not selectors.matches(spec["selector"], labels or {}):
        path = ("spec", "template", "metadata", "labels")
        yield invalid(path, labels, "`selector` does not match template `labels`")


def _hostnames(spec: Body, name: str) -> Causes:
    """The pod of the last index has the longest hostname."""
    last = number(spec, "completions") - 1
    if spec.get("completionMode") == "Indexed" and name and last >= 0 and formats.dns1123_label(f"{name}-{last}"):
        yield invalid(("metadata", "name"), name, f"will not able to create pod with invalid DNS label: {name}-{last}")


def cron_job(body: Body, on: Gates) -> Causes:
    spec, name = part(body, "spec"), text(part(body, "metadata"), "name")
    if len(name) > _MAX_CRON_JOB_NAME:
        yield invalid(("metadata", "name"), name, "must be no more than 52 characters")
    yield from _schedule(spec)
    if (policy := text(spec, "concurrencyPolicy") or "Allow") not in ("Allow", "Forbid", "Replace"):
        yield unsupported(("spec", "concurrencyPolicy"), policy, ["Allow", "Forbid", "Replace"])
    for count in ("startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit"):
        yield from no_negative(spec, count, ("spec",))
    path = ("spec", "jobTemplate", "spec")
    template = part(part(spec, "jobTemplate"), "spec")
    yield from _job_spec(template, path, on)
    if template.get("selector") is not None:
        yield invalid((*path, "selector"), template["selector"], "`selector` will be auto-generated")
    if template.get("manualSelector"):
        yield unsupported((*path, "manualSelector"), True, ["nil", "false"])


def _job_spec(spec: Body, path: Path, on: Gates) -> Causes:
    for count in _COUNTS:
        yield from no_negative(spec, count, path)
    yield from _completion(spec, path, on)
    if spec.get("podFailurePolicy") is not None and "JobPodFailurePolicy" in on:
        yield from jobpolicy.failure(spec, path)
    if (manager := spec.get("managedBy")) is not None and "JobManagedBy" in on:
        yield from _managed(manager, (*path, "managedBy"))
    yield from pod.template(part(spec, "template"), (*path, "template"), on)
    yield from _restart(spec, (*path, "template", "spec", "restartPolicy"))
    valid = ("Failed",) if spec.get("podFailurePolicy") is not None else ("Failed", "TerminatingOrFailed")
    if "JobPodReplacementPolicy" in on and (policy := spec.get("podReplacementPolicy")) is not None and policy not in valid:
        yield unsupported((*path, "podReplacementPolicy"), policy, valid)


def _managed(manager: str, path: Path) -> Causes:
    yield from domainpath.causes(manager, path)
    if len(manager.encode("utf-8", "replace")) > _MAX_MANAGER:
        yield too_long(path, _MAX_MANAGER)


def _completion(spec: Body, path: Path, on: Gates) -> Causes:
    mode = spec.get("completionMode")
    mode = "NonIndexed" if mode is None else mode
    if mode not in ("NonIndexed", "Indexed"):
        yield unsupported((*path, "completionMode"), mode, ["NonIndexed", "Indexed"])
    per_index = "JobBackoffLimitPerIndex" in on
    if per_index and spec.get("maxFailedIndexes") is not None and spec.get("backoffLimitPerIndex") is None:
        yield required((*path, "backoffLimitPerIndex"), "when maxFailedIndexes is specified")
    if mode == "Indexed":
        yield from _indexed(spec, path, per_index=per_index)
    if mode == "NonIndexed" and per_index:
        for name in ("backoffLimitPerIndex", "maxFailedIndexes"):
            if spec.get(name) is not None:
                yield invalid((*path, name), spec[name], "requires indexed completion mode")
    if (policy := spec.get("successPolicy")) is not None and "JobSuccessPolicy" in on:
        if mode == "Indexed":
            yield from jobpolicy.success(spec, path)
        else:
            yield invalid((*path, "successPolicy"), policy, "requires indexed completion mode")


def _indexed(spec: Body, path: Path, *, per_index: bool) -> Causes:
    completions, parallelism, failed = (spec.get(name) for name in ("completions", "parallelism", "maxFailedIndexes"))
    if completions is None and parallelism is not None:
        yield required((*path, "completions"), "when completion mode is Indexed")
    if parallelism is not None and parallelism > _MANY:
        yield invalid((*path, "parallelism"), parallelism, f"must be less than or equal to {_MANY} when completion mode is Indexed")
    if not per_index:
        return
    if completions is not None and failed is not None and failed > completions:
        yield invalid((*path, "maxFailedIndexes"), failed, "must be less than or equal to completions")
    if failed is not None and failed > _MANY:
        yield invalid((*path, "maxFailedIndexes"), failed, f"must be less than or equal to {_MANY}")
    if completions is not None and completions > _MANY and spec.get("backoffLimitPerIndex") is not None:
        if failed is None:
            yield required((*path, "maxFailedIndexes"), f"must be specified when completions is above {_MANY}")
        for name, value in (("parallelism", parallelism), ("maxFailedIndexes", failed)):
            if value is not None and value > _FEW:
                detail = f"must be less than or equal to {_FEW} when completions are above {_MANY} and used with backoff limit per index"
                yield invalid((*path, name), value, detail)


def _restart(spec: Body, path: Path) -> Causes:
    policy = text(part(part(spec, "template"), "spec"), "restartPolicy") or "Always"
    if policy == "Always":
        yield required(path, 'valid values: "OnFailure", "Never"')
    elif policy not in ("OnFailure", "Never"):
        yield unsupported(path, policy, ["OnFailure", "Never"])
    elif spec.get("podFailurePolicy") is not None and policy != "Never":
        yield invalid(path, policy, 'only "Never" is supported when podFailurePolicy is specified')


def _schedule(spec: Body) -> Causes:
    """Whether a time zone is known depends on the database of the server: only what cannot be one is refused here."""
    schedule, path = text(spec, "schedule"), ("spec", "schedule")
    if not schedule:
        yield required(path)
    elif "TZ" in schedule:
        yield invalid(path, schedule, "cannot use TZ or CRON_TZ in schedule, use timeZone field instead")
    elif fault := cron.fault(schedule):
        yield invalid(path, schedule, fault)
    zone, path = spec.get("timeZone"), ("spec", "timeZone")
    if zone == "":
        yield invalid(path, "", "timeZone must be nil or non-empty string")
    elif zone is not None and not all(_ZONE(step) and step not in (".", "..") for step in zone.split("/")):
        yield invalid(path, zone, f"unknown time zone {zone}")
    elif zone is not None and zone.lower() == "local":
        detail = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"
        yield invalid(path, zone, detail)
