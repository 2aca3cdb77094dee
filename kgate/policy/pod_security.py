"""Which Pod Security Standard a pod is held to: what its namespace says, else what the run says, else what the policies say themselves.

The labels are read as k8s.io/pod-security-admission/api (PolicyToEvaluate) reads them: an unknown level is restricted, an unknown version
is the latest, and a namespace that says nothing of a mode gets the default of that mode.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from kgate.finding import Severity
from kgate.manifest import Manifest
from kgate.policy.context import Check, Context
from kgate.policy.inventory import Inventory
from kgate.policy.nodes import mapping
from kgate.policy.policy import Policy, Violation
from kgate.policy.standard import Level, Standard, minor_of
from kgate.policy.subjects import Container, Pod

_PREFIX = "pod-security.kubernetes.io/"
_MODES: tuple[tuple[str, Severity], ...] = (("enforce", Severity.ERROR), ("warn", Severity.WARNING), ("audit", Severity.WARNING))


class Demand(Struct, frozen=True, kw_only=True):
    """A standard that some pods are held to, and how grave it is when they fall short."""

    level: Level
    minor: int
    severity: Severity | None
    """That of each policy when None."""


class PodSecurity(Struct, frozen=True, kw_only=True, dict=True):
    """The demands on every pod of a run."""

    inventory: Inventory
    default: Standard | None
    """Of the run, for pods whose namespace says nothing."""
    minor: int
    """Of the API server: what `latest` means."""

    def demands_on(self, manifest: Manifest) -> tuple[Demand, ...]:
        """The gravest first. Empty when nothing is demanded, because the level is privileged."""
        if not self._namespaces or not manifest.namespace:
            return self._unless_said
        namespace = _the_one(self._namespaces.get(manifest.namespace, ()), manifest)
        return self._unless_said if namespace is None else self._said[id(namespace)]

    @cached_property
    def _unless_said(self) -> tuple[Demand, ...]:
        if self.default is None:
            return (Demand(level=Level.RESTRICTED, minor=self.minor, severity=None),)
        return self._demands([(self.default, Severity.ERROR)])

    @cached_property
    def _namespaces(self) -> Mapping[str, tuple[Manifest, ...]]:
        """Those that say something, by name."""
        said: dict[str, tuple[Manifest, ...]] = {}
        for namespace in self.inventory.of_kind("Namespace"):
            if any(f"{_PREFIX}{mode}" in mapping(namespace.metadata, "labels") for mode, _ in _MODES):
                said[namespace.name] = (*said.get(namespace.name, ()), namespace)
        return said

    @cached_property
    def _said(self) -> Mapping[int, tuple[Demand, ...]]:
        """By id of the Namespace."""
        return {id(n): self._demands(_modes(n, self.default)) for several in self._namespaces.values() for n in several}

    def _demands(self, standards: Iterable[tuple[Standard, Severity]]) -> tuple[Demand, ...]:
        return tuple(
            Demand(level=standard.level, minor=self.minor if standard.minor is None else standard.minor, severity=severity)
            for standard, severity in standards
            if standard.level is not Level.PRIVILEGED
        )


def asking(policy: Policy, check: Check, context: Context, security: PodSecurity) -> Callable[[Any], Iterator[Violation]]:
    """The check, asked once for every standard that its subject is held to and that demands the policy."""
    contexts: dict[tuple[Level, int], Context] = {}
    standard = policy.standard or Level.BASELINE

    def ask(subject: Pod | Container) -> Iterator[Violation]:
        said: set[tuple[Any, ...]] = set()
        for demand in security.demands_on(subject.manifest):
            if standard.rank > demand.level.rank:
                continue
            key = (demand.level, demand.minor)
            if key not in contexts:
                contexts[key] = replace(context, level=demand.level, minor=demand.minor)
            for violation in check(subject, contexts[key]):
                key_of = (violation.path, violation.message)
                if key_of not in said:  # an earlier demand is the graver one
                    said.add(key_of)
                    yield violation if demand.severity is None else replace(violation, severity=demand.severity)

    return ask


def _the_one(namespaces: tuple[Manifest, ...], manifest: Manifest) -> Manifest | None:
    """The namespace's manifest; where environments lie side by side, the only one that shares the folder."""
    if len(namespaces) > 1:
        folder = posixpath.dirname(manifest.file)
        namespaces = tuple(n for n in namespaces if posixpath.dirname(n.file) == folder)
    return namespaces[0] if len(namespaces) == 1 else None


def _modes(namespace: Manifest, default: Standard | None) -> Iterator[tuple[Standard, Severity]]:
    labels = mapping(namespace.metadata, "labels")
    for mode, severity in _MODES:
        level, version = labels.get(f"{_PREFIX}{mode}"), labels.get(f"{_PREFIX}{mode}-version")
        if level is not None:
            known = Level(level) if level in tuple(Level) else Level.RESTRICTED
            yield Standard(level=known, minor=_minor(version)), severity
        elif mode == "enforce" and default is not None:
            yield default, severity


def _minor(version: object) -> int | None:
    try:
        return minor_of(version) if isinstance(version, str) else None
    except ValueError:
        return None
