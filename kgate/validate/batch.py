"""Group batch: Job and CronJob (pkg/apis/batch/validation/validation.go)."""

from __future__ import annotations

import re

from kgate.manifest import Path
from kgate.validate import pod, selectors
from kgate.validate.cause import Body, Causes, invalid, number, part, required, text
from kgate.validate.cause import not_supported as unsupported
from kgate.validate.gates import Gates
from kgate.validate.meta import no_negative

_COUNTS = (
    "parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished", "backoffLimitPerIndex",
    "maxFailedIndexes",
)  # fmt: skip
_MAX_CRON_JOB_NAME = 52
"""A Job of it appends eleven characters to the name."""
_DESCRIPTOR = re.compile(r"@(yearly|annually|monthly|weekly|daily|midnight|hourly|every [0-9hmsuµn.]+)").fullmatch


def job(body: Body, on: Gates) -> Causes:
    """The server writes selector and labels itself unless manualSelector says otherwise."""
    spec = part(body, "spec")
    yield from _job_spec(spec, ("spec",), on)
    if spec.get("manualSelector") and spec.get("selector") is None:
        yield required(("spec", "selector"))
    yield from selectors.causes(part(spec, "selector"), ("spec", "selector"))
    labels = part(part(spec, "template"), "metadata").get("labels")
    if spec.get("manualSelector") and spec.get("selector") is not None and not selectors.matches(spec["selector"], labels or {}):
        path = ("spec", "template", "metadata", "labels")
        yield invalid(path, labels, "`selector` does not match template `labels`")


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
    yield from _completion(spec, path)
    yield from pod.template(part(spec, "template"), (*path, "template"), on)
    yield from _restart(spec, (*path, "template", "spec", "restartPolicy"))
    if (policy := spec.get("podReplacementPolicy")) is not None and policy not in ("Failed", "TerminatingOrFailed"):
        yield unsupported((*path, "podReplacementPolicy"), policy, ["Failed", "TerminatingOrFailed"])


def _completion(spec: Body, path: Path) -> Causes:
    mode = spec.get("completionMode") or "NonIndexed"
    if mode not in ("NonIndexed", "Indexed"):
        yield unsupported((*path, "completionMode"), mode, ["NonIndexed", "Indexed"])
    if mode == "Indexed" and spec.get("completions") is None:
        yield required((*path, "completions"), "when completion mode is Indexed")
    if mode == "NonIndexed":
        for name in ("backoffLimitPerIndex", "maxFailedIndexes", "successPolicy"):
            if spec.get(name) is not None:
                yield invalid((*path, name), spec[name], "requires indexed completion mode")
    if mode == "Indexed" and number(spec, "parallelism") > 100000:
        detail = "must be less than or equal to 100000 when completion mode is Indexed"
        yield invalid((*path, "parallelism"), spec["parallelism"], detail)


def _restart(spec: Body, path: Path) -> Causes:
    policy = text(part(part(spec, "template"), "spec"), "restartPolicy") or "Always"
    if policy == "Always":
        yield required(path, 'valid values: "OnFailure", "Never"')
    elif policy not in ("OnFailure", "Never"):
        yield unsupported(path, policy, ["OnFailure", "Never"])
    elif spec.get("podFailurePolicy") is not None and policy != "Never":
        yield invalid(path, policy, 'only "Never" is supported when podFailurePolicy is specified')


def _schedule(spec: Body) -> Causes:
    """Five fields or a descriptor; what stands in the fields is not looked at yet."""
    schedule, path = text(spec, "schedule"), ("spec", "schedule")
    if not schedule:
        yield required(path)
    elif "TZ" in schedule:
        yield invalid(path, schedule, "cannot use TZ or CRON_TZ in schedule, use timeZone field instead")
    elif not schedule.startswith("@") and len(fields := schedule.split()) != 5:
        yield invalid(path, schedule, f"expected exactly 5 fields, found {len(fields)}: {fields}")
    elif schedule.startswith("@") and not _DESCRIPTOR(schedule):
        yield invalid(path, schedule, f"unrecognized descriptor: {schedule}")
    if spec.get("timeZone") == "":
        yield invalid(("spec", "timeZone"), "", "timeZone must be nil or non-empty string")
