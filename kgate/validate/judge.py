"""Would the API server refuse these objects? Every cause of a refusal becomes a Finding at its node."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from msgspec import Struct

from kgate.edit import Fix
from kgate.finding import Finding, Rule, Skipped, in_order
from kgate.manifest import Manifest
from kgate.validate import api, crd, gates, kinds, meta, openapi, remedies, swaps
from kgate.validate.cause import Cause
from kgate.validate.rules import BY_REASON, NOT_SERVED, UNKNOWN_FIELD, UNKNOWN_KIND
from kgate.validate.versions import NEWEST, minor
from kgate.workers import done

MOST = 250
"""Faults of one object that are listed: who made a thousand mistakes has made one, and a hostile file shall not fill the report."""
CHUNK = 100
"""Manifests that a worker judges in one go, some 30 ms."""
LEAST_CHUNKS = 10
"""A worker that would have fewer to judge costs more than it saves: each makes its own validators."""


class Judged(Struct, frozen=True, kw_only=True):
    findings: tuple[Finding, ...]
    skipped: tuple[Skipped, ...]
    """Objects that no schema describes: once a file and reason."""


def judge(
    manifests: Sequence[Manifest], version: str, *, crds: Sequence[Manifest] = (), base: Sequence[Manifest] = (), jobs: int = 1
) -> Judged:
    """`version` as users write it: `1.31`, `v1.31.4`. Raises UsageError when kgate does not know it.

    Custom resources are judged by the CustomResourceDefinitions among the manifests and in `crds`, which are not judged themselves.
    What stands in `base` is taken for applied: what changed since then must also be a change that the server takes.
    `jobs`: processes at a time where there are many manifests, 0: as many as the machine has processors.
    """
    target = minor(version)
    now, former = (_definitions(among, crds, version) for among in (manifests, base))
    pairs = [*zip(manifests, _before(manifests, base), strict=True)]

    def chunk(n: int) -> list[Judged]:
        return [_judged(manifest, before, now, former, target) for manifest, before in pairs[n * CHUNK : (n + 1) * CHUNK]]

    judged = [j for js in done(chunk, -(-len(pairs) // CHUNK), jobs=jobs, least=LEAST_CHUNKS) for j in js]
    return Judged(
        findings=in_order(f for j in judged for f in j.findings), skipped=tuple(sorted({reason for j in judged for reason in j.skipped}))
    )


def _judged(manifest: Manifest, before: Manifest | None, now: crd.Definitions, former: crd.Definitions, target: str) -> Judged:
    known = api.recognised(manifest.body, target)
    if not known.kind and (checked := _checked(manifest, before, now, former, target)):
        return Judged(findings=tuple(_custom(manifest, checked)), skipped=_skipped(manifest, checked.unchecked))
    skipped = _skipped(manifest, [known.skipped] if known.skipped else [])
    found = tuple(_found(manifest, before, known, target))
    if (known.version.rpartition("/")[0], known.kind) in kinds.WITH_CEL and not (found and known.kind == "CustomResourceDefinition"):
        faults, reasons = _expressions(manifest, known, target)
        return Judged(findings=(*found, *faults), skipped=(*skipped, *_skipped(manifest, reasons)))
    return Judged(findings=found, skipped=skipped)


def _skipped(manifest: Manifest, reasons: Iterable[str]) -> tuple[Skipped, ...]:
    return tuple(Skipped(file=manifest.file, reason=reason) for reason in reasons)


def _found(manifest: Manifest, before: Manifest | None, known: api.Api, target: str) -> Iterator[Finding]:
    for cause in known.faults:
        yield _finding(manifest, cause, NOT_SERVED if known.removed else UNKNOWN_KIND, swaps.fix(manifest.body, target))
    if known.kind:
        said = _refused(manifest.body, known, target, None)
        for cause in (*said, *_changed(manifest, before, known, target, said)):
            yield _finding(manifest, cause, _rule(cause))


def _expressions(manifest: Manifest, known: api.Api, target: str) -> tuple[list[Finding], list[str]]:
    """Of an object that the server can decode."""
    if any(cause.reason == "BadRequest" for cause in openapi.causes(manifest.body, known.version, known.kind, target)):
        return [], []
    from kgate.validate import admissioncel

    faults, reasons = admissioncel.checked(manifest.body, known.kind, int(target.partition(".")[2]))
    return [_finding(manifest, cause, _rule(cause)) for cause in faults[:MOST]], reasons[:MOST]


def _definitions(manifests: Sequence[Manifest], crds: Sequence[Manifest], version: str) -> crd.Definitions:
    return crd.Definitions.of((m.body for m in manifests), (m.body for m in crds), lambda body: bool(causes(body, version=version)))


def _checked(manifest: Manifest, before: Manifest | None, now: crd.Definitions, former: crd.Definitions, target: str) -> crd.Checked | None:
    """What its definition of old refused, the server never took: then the object is a new one."""
    on, old = gates.on(target), before.body if before is not None else None
    if old is not None:
        was = crd.checked(old, former, target, on, MOST) or crd.checked(old, now, target, on, MOST)
        old = None if was is None or was.causes else old
    return crd.checked(manifest.body, now, target, on, MOST, old)


def _custom(manifest: Manifest, checked: crd.Checked) -> Iterator[Finding]:
    for cause in checked.causes:
        yield _finding(manifest, cause, NOT_SERVED if checked.not_served else _rule(cause))


def _rule(cause: Cause) -> Rule:
    return UNKNOWN_FIELD if cause.reason == "BadRequest" and cause.key else BY_REASON[cause.reason]


def _before(manifests: Sequence[Manifest], base: Sequence[Manifest]) -> Sequence[Manifest | None]:
    """The version of each manifest in `base`."""
    if not base:
        return [None] * len(manifests)
    from kgate.validate.update import pairs

    return pairs.before(manifests, base)


def _changed(manifest: Manifest, before: Manifest | None, known: api.Api, target: str, said: tuple[Cause, ...]) -> Iterator[Cause]:
    """What the server says to the change beyond what it says of the object.

    Nothing is known of the stored object when the server had refused the base, or another version of the API described it.
    """
    if before is None or before.body == manifest.body or before.api_version != manifest.api_version:
        return
    if any(cause.reason == "BadRequest" for cause in said) or _refused(before.body, known, target, None):
        return
    from kgate.validate import update

    for cause in islice(update.applied(manifest.body, before.body, known, target), MOST):
        if not _covered(cause, said):
            yield cause


def _finding(manifest: Manifest, cause: Cause, rule: Rule, fix: Fix | None = None) -> Finding:
    message = cause.message if cause.reason == "BadRequest" else f"{cause.field}: {cause.message}"
    return Finding.at(manifest, cause.path, rule=rule, message=message, key=cause.key, remediation=remedies.of(cause) or None, fix=fix)


def causes(body: Mapping[str, Any], old: Mapping[str, Any] | None = None, version: str = NEWEST) -> tuple[Cause, ...]:
    """What the API server says to a create of `body`, or to an update of `old` to `body`; empty when it takes it.

    Custom resources have no causes: nothing is known of them. Raises UsageError for a version that kgate does not know.
    """
    target = minor(version)
    known = api.recognised(body, target)
    return known.faults or (_refused(body, known, target, old) if known.kind else ())


def _refused(body: Mapping[str, Any], known: api.Api, target: str, old: Mapping[str, Any] | None) -> tuple[Cause, ...]:
    """The server decodes first, and only what it could decode does it validate."""
    structural = tuple(islice(openapi.causes(body, known.version, known.kind, target), MOST))
    if any(cause.reason == "BadRequest" for cause in structural):
        return tuple(cause for cause in structural if cause.reason == "BadRequest")
    ruled = tuple(islice(_ruled(body, known, target, old), MOST))
    return tuple(dict.fromkeys((*ruled, *(c for c in structural if not _covered(c, ruled)))))


def _covered(cause: Cause, ruled: tuple[Cause, ...]) -> bool:
    """A rule has said of this place or of something below it what the schema says of it."""
    return any(c.path[: len(cause.path)] == cause.path for c in ruled)


def _ruled(body: Mapping[str, Any], known: api.Api, target: str, old: Mapping[str, Any] | None) -> Iterator[Cause]:
    group, on = known.version.rpartition("/")[0], gates.on(target)
    yield from meta.causes(body, group, known.kind, on)
    yield from kinds.causes(body, group, known.kind, on)
    if old is not None:
        yield from _replacing(body, old, known, target)


def _replacing(body: Mapping[str, Any], old: Mapping[str, Any], known: api.Api, target: str) -> Iterator[Cause]:
    """The rules of updates; none where another version of the API describes the old object."""
    if body == old or (body.get("apiVersion"), body.get("kind")) != (old.get("apiVersion"), old.get("kind")):
        return
    if rule := kinds.update(known.version.rpartition("/")[0], known.kind):
        yield from rule(body, old)
        return
    from kgate.validate import update

    yield from update.replaced(body, old, known, target)
