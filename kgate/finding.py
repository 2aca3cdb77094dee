"""A Finding: one fault of a manifest, with its place. Findings are data; a stage returns them, a reporter shows them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
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
    """`text` on one line, with every character that could act on a reader's screen spelt out (`\\x1b`), cut at `limit` characters.

    What is clean stays as it is: a finding that comes from another process is the same finding.
    """
    text = _cut(text, limit)
    return text if text.isascii() and text.isprintable() else _cut(_ACTING.sub(_spelt, text), limit)


def _cut(text: str, limit: int) -> str:
    if len(text) <= limit or (len(text) <= limit + 3 and text.endswith("...")):
        return text
    return text[:limit] + "..."


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
    """Why it does not count: the reason of the waiver that covers it and where that stands, or the baseline that has it."""
    baselined: bool = False
    """It is known: the baseline has it."""
    anchor: str = ""
    """`path` from the object's root with the elements of lists by their names, which stay when their numbers change."""
    detail: str = ""
    """What tells it from others of its rule at the same place: an image and a vulnerability. Part of its identity."""
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
        about: Path | None = None,
        detail: str = "",
    ) -> Finding:
        """A finding at `path` of `manifest` (at its key, with `key`): the place comes from the manifest's own text.

        `severity` and `remediation` are the rule's own unless given; the edits of `fix` begin at the object. `about` is the node that is
        meant, where it is missing and `path` is only its parent.
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
            anchor=anchored(manifest.body, path if about is None else about),
            detail=detail,
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
    def identity(self) -> str:
        """Names the fault across runs, moved lines and files that are renamed: what a baseline knows.

        The rule, the object (by group and kind: a new version is no new object) and the path, never a line or a number in a list. Policies
        and rollouts may word their messages anew; what the API server says tells faults at one place apart. Findings about images are
        about the image alone: which of its users is named first may change.
        """
        import hashlib  # OpenSSL takes longer to load than most runs to find nothing

        identity = "\0".join((self.rule, *self._subject, self.detail, self.message if self._worded else ""))
        return hashlib.sha256(identity.encode("utf-8", "replace")).hexdigest()[:32]

    @property
    def _subject(self) -> tuple[str, ...]:
        if self.object is None or (self.stage is Stage.IMAGES and self.detail):
            return ()
        group = self.object.api_version.rpartition("/")[0]
        # A line of a base is named for one app of several, which may leave.
        named = () if self.apps else (self.object.namespace, self.object.name)
        return (group, self.object.kind, *named, self.anchor or self.path)

    @property
    def _worded(self) -> bool:
        return self.stage in (Stage.LOAD, Stage.VALIDATE) or (self.object is None and not self.detail)

    @property
    def safely_fixable(self) -> bool:
        """Whether the file can be changed, and no program notices."""
        return self.fixable and not (self.fix and self.fix.unsafe)

    @property
    def fingerprint(self) -> str:
        """Names the finding for whoever keeps alerts: its identity and its file. Twins share it."""
        import hashlib

        return hashlib.sha256(f"{self.identity}\0{self.file}".encode("utf-8", "replace")).hexdigest()[:32]

    @property
    def order(self) -> tuple[str, int, int, str, str, str]:
        """File, line, column, rule, message (the contract), then the path, so that equal texts still have one order."""
        return (self.file, self.line, self.column, self.rule, self.message, self.path)


def anchored(body: object, path: Path) -> str:
    """`/spec/template/spec/containers/name=app/image`. What no name tells apart is `*`: the n-th of a list is another one tomorrow."""
    steps = []
    for step in path:
        if isinstance(step, int):
            body = body[step] if isinstance(body, list) and 0 <= step < len(body) else None
            steps.append(_name_of(body))
        else:
            body = body.get(step) if isinstance(body, Mapping) else None
            steps.append(step.replace("~", "~0").replace("/", "~1"))
    return "".join("/" + step for step in steps)


_NAMES = ("name", "containerPort", "port", "mountPath", "devicePath", "key", "topologyKey", "ip", "host", "path")
"""What Kubernetes merges lists by, and what people call their elements by."""
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.*/-]{0,62}")


def _name_of(element: object) -> str:
    if isinstance(element, Mapping):
        named = ((name, element.get(name)) for name in _NAMES)
        return next((f"{name}={value}" for name, value in named if isinstance(value, (str, int))), "*")
    return element if isinstance(element, str) and _WORD.fullmatch(element) else "*"


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
    plain = {(f.order, f.document, f.severity, f.waived or ""): f for f in found if not f.apps}
    unique = plain | {(f.order, f.document, f.severity, f.waived or ""): f for f in _of_apps(f for f in found if f.apps)}
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
