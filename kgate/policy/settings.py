"""What `policy:` of .kgate.yaml says. Every list is empty until it is set, and setting it switches its rule on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from kgate.finding import Severity
from kgate.policy.standard import Standard


class RuleSettings(Struct, frozen=True, kw_only=True):
    """What is said of one rule."""

    severity: Severity | None = None
    """The rule's own when None. Setting one switches the rule on."""
    off: bool = False
    exclude: tuple[str, ...] = ()
    """Path patterns of files that the rule does not look at."""
    params: Mapping[str, Any] = field(default_factory=dict)
    """Replaces the policy's params of the same names."""


class DeniedRepository(Struct, frozen=True, kw_only=True):
    """A repository not to run, and why."""

    repository: str
    """Full name (`docker.io/library/mysql`) or pattern (`docker.io/bitnami/**`)."""
    message: str = ""
    replacement: str = ""


class TagPattern(Struct, frozen=True, kw_only=True):
    """Images of `repository` have a tag that satisfies `pattern` or `semver`, whichever is there."""

    repository: str
    pattern: str = ""
    """Regular expression for the whole tag."""
    semver: str = ""
    """A range: `>=1.20 <2`, `~1.4`, `^2.1.0`, `1.x || 2.x`."""


class ImageSettings(Struct, frozen=True, kw_only=True):
    """The `policy.images` part of the settings."""

    allowed: tuple[str, ...] = ()
    """Registries and prefixes, each ends with a slash."""
    denied: tuple[DeniedRepository, ...] = ()
    tags: tuple[TagPattern, ...] = ()
    digest_required: tuple[str, ...] = ()
    """Path patterns of files in which every image needs a digest."""


class RequiredKey(Struct, frozen=True, kw_only=True):
    """A label or annotation that must be there, and what its value may be."""

    key: str
    kinds: frozenset[str] = frozenset()
    """`Deployment`, or `Deployment.apps`; empty means every kind with a pod template."""
    paths: tuple[str, ...] = ()
    """Path patterns of files; empty means all."""
    pattern: str = ""
    """Regular expression for the whole value."""
    values: tuple[str, ...] = ()
    """All values that are allowed; empty means any."""


class ForbiddenKey(Struct, frozen=True, kw_only=True):
    """An annotation that must not be there."""

    key: str
    """Whole, or with `*` for the rest: `nginx.ingress.kubernetes.io/*-snippet`."""
    message: str = ""
    replacement: str = ""
    ignored: int = 0
    """The minor of Kubernetes from which on nothing reads it; 0: something may."""


class LabelSettings(Struct, frozen=True, kw_only=True):
    """The `policy.labels` part of the settings."""

    required: tuple[RequiredKey, ...] = ()


class AnnotationSettings(Struct, frozen=True, kw_only=True):
    """The `policy.annotations` part of the settings."""

    required: tuple[RequiredKey, ...] = ()
    forbidden: tuple[ForbiddenKey, ...] = ()


class NamespaceSettings(Struct, frozen=True, kw_only=True):
    """The `policy.namespaces` part of the settings."""

    denied: tuple[str, ...] = ()
    """Namespaces nothing may be put into."""


class AdmissionSettings(Struct, frozen=True, kw_only=True):
    """The `policy.admission` part of the settings."""

    pods: bool = False
    """Whether policies about Pods judge the pods that workloads make as well."""


class PolicySettings(Struct, frozen=True, kw_only=True):
    """The `policy:` part of the settings."""

    paths: tuple[str, ...] = ()
    """Files and folders with policies of the user's own."""
    admission: AdmissionSettings = AdmissionSettings()

    rules: Mapping[str, RuleSettings] = field(default_factory=dict)
    """By name of the rule."""
    locked: tuple[str, ...] = ()
    """Rules, by name or identifier, that no waiver and no baseline may cover."""
    images: ImageSettings = ImageSettings()
    labels: LabelSettings = LabelSettings()
    annotations: AnnotationSettings = AnnotationSettings()
    namespaces: NamespaceSettings = NamespaceSettings()
    profile: str = "default"
    """One of the files in policies/profiles/."""
    pod_security: Standard | None = None
    """What pods are held to whose namespace says nothing; None: each control by the severity of its policy."""

    def of(self, rule: str) -> RuleSettings:
        return self.rules.get(rule, _NOTHING_SAID)

    def has(self, setting: str) -> bool:
        """Whether `images.allowed` (and the like) is set."""
        room, _, name = setting.partition(".")
        return bool(getattr(getattr(self, room), name))


_NOTHING_SAID = RuleSettings()


def from_config(config: Mapping[str, Any], *, folder: str = "") -> PolicySettings:
    """The settings that `policy:` holds, already plain data; `paths` are taken from `folder`. Raises SettingError."""
    from kgate.policy.reading import read

    return read(config, folder=folder)


def __getattr__(name: str) -> Any:
    """SCHEMA is read by `kgate config schema` alone, so it is built when asked for."""
    if name == "SCHEMA":
        from kgate.policy.schema import SCHEMA

        return SCHEMA
    raise AttributeError(name)
