"""A Policy: a rule and what it demands, as data."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct, field

from kgate.edit import Edit
from kgate.finding import Rule, Severity
from kgate.manifest import Manifest, Path
from kgate.policy.standard import Level


class SubjectKind(StrEnum):
    """What a policy is asked about, once for each."""

    OBJECT = "object"
    POD = "pod"
    CONTAINER = "container"
    IMAGE = "image"
    REPOSITORY = "repository"
    """The whole set of manifests, at once."""


class Anchor(StrEnum):
    """Where the path of a fix begins."""

    SUBJECT = "subject"
    OBJECT = "object"
    PLACE = "place"
    """Where the finding stands, or would if the key were there."""


class Fix(Struct, frozen=True, kw_only=True):
    """The edit that satisfies the policy, as data. Without any, the check itself says what to edit."""

    edits: tuple[Edit, ...] = ()
    """All of them; their paths begin at `anchor`."""
    anchor: Anchor = Anchor.SUBJECT
    unsafe: str = ""
    """What it may change for those who run the object; empty for a fix that is safe."""


class Examples(Struct, frozen=True, kw_only=True):
    """Subjects that satisfy the policy and subjects that do not: its documentation and its test.

    A container or pod is written as in a pod spec, an image as a string, an object whole, a repository as a list of objects.
    """

    good: tuple[Any, ...]
    bad: tuple[Any, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What `policy:` of .kgate.yaml says, for policies that are off until they are set."""


class Policy(Struct, frozen=True, kw_only=True):
    """One file of policies/, read."""

    rule: Rule
    pack: str
    """The folder it stands in: images, labels, security, reliability, resources, rollout."""
    file: str
    subject: SubjectKind
    kinds: frozenset[str] = frozenset()
    """`Deployment.apps`; empty means all."""
    containers: frozenset[str] = frozenset()
    """Roles of the containers and images that are judged; empty means all."""
    when: Mapping[str, Any] | None = None
    """JSON Schema of the objects or, for anything inside a pod, of the pod specs that are judged; None means all."""
    require: Mapping[str, Any] | None = None
    """JSON Schema that the subject must satisfy."""
    check: str = ""
    """Name in CHECKS."""
    expression: str = ""
    """CEL that is true of the subject; exactly one of the three is there."""
    params: Mapping[str, Any] = field(default_factory=dict)
    message: str = ""
    """What a finding of `require` says after the subject's name; the summary when empty."""
    setting: str = ""
    """The setting that switches the policy on: `images.allowed`."""
    standard: Level | None = None
    """The Pod Security Standard that demands it, for policies that are one of its controls."""
    locked: bool = False
    """No waiver may cover it."""
    fix: Fix | None = None
    examples_text: str = ""
    """The YAML of the examples, which only `kgate explain` and `kgate test` read."""

    @property
    def name(self) -> str:
        return self.rule.name


class Violation(Struct, frozen=True, kw_only=True):
    """A subject does not satisfy a policy. The judge makes the Finding."""

    manifest: Manifest
    path: Path
    """Of the offending node, from the object's root; a missing key is named by its nearest existing parent."""
    message: str
    remediation: str | None = None
    """The policy's own when None."""
    severity: Severity | None = None
    """The policy's own when None; what the settings say of the rule comes first."""
    edits: tuple[Edit, ...] = ()
    """What satisfies the policy, from the object's root; where there are none, the policy's own data."""
    unsafe: str | None = None
    """What these edits may change; the policy's own word when None, empty for safe ones."""
