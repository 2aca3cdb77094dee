"""A Finding: one fault of a manifest, with its place. Findings are data; a stage returns them, a reporter shows them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import force_setattr, replace

from kgate.edit import Fix
from kgate.manifest import Location, Manifest, Path, Subject, pointer

MAX_MESSAGE = 2000
"""Longer messages are cut: a hostile name of a megabyte shall not fill the log. Counted in characters."""


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 is the worst, so that sorting by rank puts errors first."""
        return _RANKS[self]


_RANKS = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}


class Stage(StrEnum):
    LOAD = "load"
    VALIDATE = "validate"
    POLICY = "policy"
    IMAGES = "images"
    ROLLOUT = "rollout"


# What a terminal, an editor or a log viewer acts on or hides: C0 and C1 controls, the line and paragraph separators, marks that
# reorder or hide text (bidi controls, zero-width characters, fillers, variation selectors, the tag block used to smuggle text), byte
# order marks, lone surrogates.
_ACTING = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_SHORT = {"\t": "\\t", "\n": "\\n", "\r": "\\r"}


def _spelt(found: re.Match[str]) -> str:
    code = ord(found[0])
    return _SHORT.get(found[0]) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")


def clean(text: str, *, limit: int = MAX_MESSAGE) -> str:
    """`text` on one line, with every character that could act on a reader's screen spelt out (`\\x1b`), cut at `limit` characters."""
    text = text if len(text) <= limit else text[:limit] + "..."
    return text if text.isascii() and text.isprintable() else _ACTING.sub(_spelt, text)


class Rule(Struct, frozen=True, kw_only=True):
    """What a finding is an instance of. `kgate rules` lists them, `kgate explain` prints one.

    Identifiers by room: KG0xxx load, KG1xxx validate, KG2xxx policy (20 images, 21 security, 22 labels, 23 reliability, 24 resources,
    25 rollout), KG3xxx images, KG5xxx rollout, KG9xxx settings and waivers.
    """

    id: str
    name: str
    stage: Stage
    severity: Severity
    summary: str
    """What is wrong, in a few words, without the particulars of a finding."""
    why: str
    remediation: str
    references: tuple[str, ...] = ()
    enabled: bool = True
    """Whether it is on without any settings."""


class Finding(Struct, frozen=True, kw_only=True):
    """One fault. Every text in it has been through `clean`; reporters still escape for their own format."""

    rule: str
    """Stable identifier, `KG2104`; never reused."""
    name: str
    """The rule in words, `privilege-escalation`; also what a waiver names."""
    stage: Stage
    severity: Severity
    message: str
    """What is wrong, in one sentence."""
    file: str
    line: int
    """1-based."""
    column: int
    """1-based, in characters."""
    document: int = 0
    path: str = ""
    """JSON pointer into the document."""
    object: Subject | None = None
    remediation: str = ""
    """What to write instead."""
    why: str = ""
    fixable: bool = False
    """The file can be changed as `fix` says."""
    fix: Fix | None = None
    """What to change in the document."""
    waived: str | None = None
    """The reason of the waiver that covers this finding, if one does."""
    apps: tuple[str, ...] = ()
    """The rendered apps that have this fault, sorted: a line of a base is told once for all overlays. Empty for an object as written."""
    homes: tuple[tuple[str, int], ...] = ()
    """File and document of the manifests that are rendered objects: a finding in one of those stands in yet another file."""

    def __post_init__(self) -> None:
        for text in ("message", "remediation", "why", "file", "path"):
            force_setattr(self, text, clean(getattr(self, text)))
        if self.object is not None:
            named = Subject(
                api_version=clean(self.object.api_version, limit=300),
                kind=clean(self.object.kind, limit=300),
                namespace=clean(self.object.namespace, limit=300),
                name=clean(self.object.name, limit=300),
            )
            force_setattr(self, "object", named)

    @classmethod
    def at(
        cls,
        manifest: Manifest,
        path: Path,
        *,
        rule: Rule,
        message: str,
        key: bool = False,
        severity: Severity | None = None,
        remediation: str | None = None,
        fix: Fix | None = None,
    ) -> Finding:
        """A finding at `path` of `manifest` (at its key, with `key`): the place comes from the manifest's own text.

        `severity` and `remediation` are the rule's own unless given; the edits of `fix` begin at the object.
        """
        place: Location = manifest.locate(path, key=key)
        return cls(
            rule=rule.id,
            name=rule.name,
            stage=rule.stage,
            severity=rule.severity if severity is None else severity,
            message=message,
            file=place.file or manifest.file,
            line=place.line,
            column=place.column,
            document=place.document if place.file else manifest.document,
            path=pointer(manifest.root + path),
            object=manifest.subject,
            remediation=rule.remediation if remediation is None else remediation,
            why=rule.why,
            fixable=fix is not None and not manifest.app,
            fix=fix.below(manifest.root) if fix and not manifest.app else None,
            apps=(clean(manifest.app),) if manifest.app else (),
            homes=((clean(manifest.file), manifest.document),) if manifest.app else (),
        )

    @classmethod
    def in_file(cls, file: str, place: Location, *, rule: Rule, message: str, document: int = 0, remediation: str | None = None) -> Finding:
        """A finding about text that never became a manifest."""
        return cls(
            rule=rule.id,
            name=rule.name,
            stage=rule.stage,
            severity=rule.severity,
            message=message,
            file=file,
            line=place.line,
            column=place.column,
            document=document,
            remediation=rule.remediation if remediation is None else remediation,
            why=rule.why,
        )

    @property
    def fingerprint(self) -> str:
        """Names the finding across runs and moved lines: the rule, the object, the path and the message, never the line."""
        subject = (self.object.api_version, self.object.kind, self.object.namespace, self.object.name) if self.object else ()
        identity = "\0".join((self.rule, self.file, *subject, self.path, self.message))
        import hashlib  # OpenSSL takes longer to load than most runs to find nothing

        return hashlib.sha256(identity.encode("utf-8", "replace")).hexdigest()[:32]

    @property
    def order(self) -> tuple[str, int, int, str, str, str]:
        """File, line, column, rule, message (the contract), then the path, so that equal texts still have one order."""
        return (self.file, self.line, self.column, self.rule, self.message, self.path)


class Skipped(Struct, frozen=True, kw_only=True, order=True):
    """Something that was there and was not checked. What could not be checked has not passed."""

    file: str
    reason: str
    line: int = 1
    wanted: bool = False
    """True when the user asked for it: the run is then incomplete (exit code 3). A file that is no Kubernetes object is not wanted."""

    def __post_init__(self) -> None:
        force_setattr(self, "file", clean(self.file))
        force_setattr(self, "reason", clean(self.reason))


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Sorted by `Finding.order`, repeats removed: the same fault reached twice is one fault, and one line of several apps is told once."""
    found = tuple(findings)
    plain = {(f.order, f.document, f.severity): f for f in found if not f.apps}
    unique = plain | {(f.order, f.document, f.severity): f for f in _of_apps(f for f in found if f.apps)}
    return tuple(unique[k] for k in sorted(unique))


def _of_apps(findings: Iterable[Finding]) -> Iterator[Finding]:
    """One finding for all apps in which a rule speaks at one place: in the words of the first, should they differ by a name."""
    places: dict[tuple[object, ...], dict[str, list[Finding]]] = {}
    for f in findings:
        place = (f.file, f.line, f.column, f.rule, f.path, f.document, f.severity, f.waived)
        places.setdefault(place, {}).setdefault(f.message, []).append(f)
    for by_message in places.values():
        told: list[list[Finding]] = []
        for message in sorted(by_message):
            same = by_message[message]
            apps = {a for f in same for a in f.apps}
            # Two messages of one app are two faults; other words for another app are the same fault.
            free = next((t for t in told if not any(apps.intersection(f.apps) for f in t)), None)
            if free is None:
                told.append(same)
            else:
                free += same
        for group in told:
            apps, homes = {a for f in group for a in f.apps}, {h for f in group for h in f.homes}
            yield replace(min(group, key=lambda f: (f.apps, f.message)), apps=tuple(sorted(apps)), homes=tuple(sorted(homes)))
