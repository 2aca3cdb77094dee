"""Every policy that is on, over every subject of every manifest, in one pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from kgate.finding import Finding, Severity, in_order
from kgate.manifest import Manifest, Path
from kgate.policy.catalog import Catalog
from kgate.policy.checks import CHECKS
from kgate.policy.context import NEWEST, Check, Context
from kgate.policy.fixing import fix_of
from kgate.policy.globs import any_matches
from kgate.policy.inventory import Inventory
from kgate.policy.nodes import deepest
from kgate.policy.pod_security import PodSecurity, asking
from kgate.policy.policy import Policy, SubjectKind, Violation
from kgate.policy.profiles import settled
from kgate.policy.requirement import Requirement
from kgate.policy.settings import PolicySettings
from kgate.policy.subjects import Container, Image, Pod, containers_of, group_kind, image_of, pod_of
from kgate.workers import done

CHUNK = 100
"""Manifests that a worker judges in one go, some 30 ms."""
LEAST_CHUNKS = 5
"""A worker that would have fewer to judge costs more than it saves."""

_Ask = Callable[[Any], Iterable[Violation]]


class _Charge(Struct, frozen=True, kw_only=True):
    """A policy that is on, ready to be asked."""

    policy: Policy
    said: Severity | None
    """What the settings say of its gravity."""
    exclude: tuple[str, ...]
    ask: _Ask

    def findings(self, subject: Any) -> Iterator[Finding]:
        for violation in self.ask(subject):
            files = violation.manifest.files(violation.path) if self.exclude else ()
            if not any(any_matches(self.exclude, file) for file in files):
                yield _finding(self, violation, subject)


def judge(
    manifests: Iterable[Manifest],
    catalog: Catalog,
    settings: PolicySettings,
    *,
    whole: bool = True,
    minor: int = NEWEST,
    definitions: Iterable[Manifest] = (),
    jobs: int = 1,
) -> tuple[Finding, ...]:
    """What the policies of `catalog` find, in order.

    `whole` is false when the manifests are not all there are (a file could not be read, or only some were named): then nothing is
    said to be absent. `minor` is 36 of Kubernetes 1.36. `definitions` are CustomResourceDefinitions that are known and not judged.
    `jobs`: processes at a time where there are many manifests, 0: as many as the machine has processors.
    """
    # In the order of their places: where several objects could be named in a message, the first is, whatever order the files came in.
    inventory = Inventory(
        manifests=tuple(sorted(manifests, key=lambda m: (m.file, m.document, m.root))), whole=whole, definitions=tuple(definitions)
    )
    charges = _charges(catalog, settled(settings, catalog), inventory, minor)
    findings = [f for charge in charges[SubjectKind.REPOSITORY] for f in charge.findings(inventory)]
    chunks = -(-len(inventory.manifests) // CHUNK)
    for found in done(
        lambda n: _judge_chunk(inventory.manifests[n * CHUNK : (n + 1) * CHUNK], charges), chunks, jobs=jobs, least=LEAST_CHUNKS
    ):
        findings += found
    return in_order(findings)


def _judge_chunk(manifests: Sequence[Manifest], charges: Mapping[SubjectKind, list[_Charge]]) -> list[Finding]:
    return [f for manifest in manifests for f in _judge_one(manifest, charges)]


def _judge_one(manifest: Manifest, charges: Mapping[SubjectKind, list[_Charge]]) -> Iterator[Finding]:
    kind = group_kind(manifest)
    for charge in charges[SubjectKind.OBJECT]:
        if not charge.policy.kinds or kind in charge.policy.kinds:
            yield from charge.findings(manifest)
    pod = pod_of(manifest)
    if pod is None:
        return
    yield from _asked(charges[SubjectKind.POD], pod, kind, "")
    for container in containers_of(pod):
        yield from _asked(charges[SubjectKind.CONTAINER], container, kind, container.role)
        image = image_of(container)
        if image is not None:
            yield from _asked(charges[SubjectKind.IMAGE], image, kind, container.role)


def _asked(charges: list[_Charge], subject: Pod | Container | Image, kind: str, role: str) -> Iterator[Finding]:
    for charge in charges:
        policy = charge.policy
        if (not policy.kinds or kind in policy.kinds) and (not policy.containers or role in policy.containers):
            yield from charge.findings(subject)


def _charges(catalog: Catalog, settings: PolicySettings, inventory: Inventory, minor: int) -> Mapping[SubjectKind, list[_Charge]]:
    charges: dict[SubjectKind, list[_Charge]] = {kind: [] for kind in SubjectKind}
    params = {p.name: {**p.params, **settings.of(p.name).params} for p in catalog.policies}
    security = PodSecurity(inventory=inventory, default=settings.pod_security, minor=minor)
    for policy in catalog.policies:
        said = settings.of(policy.name)
        if said.off or not (policy.rule.enabled or said.severity or (policy.setting and settings.has(policy.setting))):
            continue
        context = Context(params=params[policy.name], params_of=params, settings=settings, inventory=inventory, minor=minor)
        charge = _Charge(policy=policy, said=said.severity, exclude=said.exclude, ask=_asking(policy, context, security))
        charges[policy.subject].append(charge)
    return charges


def _asking(policy: Policy, context: Context, security: PodSecurity) -> _Ask:
    check = _demanding(policy)
    ask = _in(check, context) if policy.standard is None else asking(policy, check, context, security)
    if policy.when is None:
        return ask
    concerned = Requirement(schema=policy.when)
    return lambda subject: ask(subject) if concerned.met(_circumstances(subject)) else ()


def _in(check: Check, context: Context) -> _Ask:
    return lambda subject: check(subject, context)


def _demanding(policy: Policy) -> Check:
    if policy.expression:
        from kgate.policy.expression import demanding

        return demanding(policy)
    if policy.require is None:
        return CHECKS[policy.check]
    requirement = Requirement(schema=policy.require)
    says = policy.message or policy.rule.summary
    return lambda subject, context: _unmet(subject, requirement, says)


def _circumstances(subject: Manifest | Pod | Container | Image) -> Mapping[str, Any]:
    match subject:
        case Image():
            return subject.container.pod.body
        case Container():
            return subject.pod.body
        case _:
            return subject.body


def _unmet(subject: Any, requirement: Requirement, says: str) -> Iterator[Violation]:
    """Violations of a `require:` policy; a Manifest is its own subject."""
    if isinstance(subject, Manifest):
        manifest, root, body, name = subject, (), subject.body, f"{subject.kind} {subject.name}"
    else:
        manifest, root, body, name = subject.manifest, subject.path, subject.body, str(subject)
    for place in requirement.faults(body):
        yield Violation(manifest=manifest, path=(*root, *place), message=f"{name}: {says}")


def _finding(charge: _Charge, violation: Violation, subject: Any) -> Finding:
    """Stands at the key of the offending node; where the key is missing, at its nearest existing parent."""
    path: Path = deepest(violation.manifest.body, violation.path)
    return Finding.at(
        violation.manifest,
        path,
        rule=charge.policy.rule,
        message=violation.message,
        key=True,
        severity=charge.said or violation.severity,
        remediation=violation.remediation,
        fix=fix_of(charge.policy, violation, subject),
        about=violation.path,
    )
