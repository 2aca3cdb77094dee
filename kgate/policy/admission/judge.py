"""Every object of the repository before every policy that is bound."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from kgate.cel import INSTALL, Unknown, UnknownError, available
from kgate.finding import Finding, Severity, Skipped
from kgate.manifest import Manifest, Path
from kgate.policy.admission.evaluate import Denial, denials
from kgate.policy.admission.matching import NAME_LABEL, Namespaces, matches
from kgate.policy.admission.params import ConfigurationError, Parameters
from kgate.policy.admission.policies import GROUP, KINDS, Binding, Policy
from kgate.policy.admission.request import POD, Request
from kgate.policy.admission.resources import Resources
from kgate.policy.globs import any_matches
from kgate.policy.nodes import deepest
from kgate.policy.rules import DENIED
from kgate.policy.settings import PolicySettings, RuleSettings
from kgate.policy.subjects import pod_of

_SEVERITIES = (("Deny", Severity.ERROR), ("Warn", Severity.WARNING), ("Audit", Severity.INFO))
_NO_CLUSTER = Unknown("the namespace is not among the manifests")


class Judged(Struct, frozen=True, kw_only=True):
    findings: tuple[Finding, ...] = ()
    skipped: tuple[Skipped, ...] = ()


def concerned(manifests: Iterable[Manifest]) -> bool:
    """Whether there is an admission policy or a binding at all."""
    return any(m.kind in KINDS and m.group == GROUP for m in manifests)


def judge(
    manifests: Sequence[Manifest],
    settings: PolicySettings,
    *,
    minor: int,
    base: Iterable[Manifest] = (),
    beside: Sequence[Manifest] = (),
) -> Judged:
    """`minor` is 36 of Kubernetes 1.36. `base`: what is there now; what differs from it is an update.

    `beside` are policies, bindings, parameters and namespaces that are known and not judged.
    """
    said = settings.of(DENIED.name)
    if said.off:
        return Judged()
    known = tuple(sorted((*manifests, *beside), key=lambda m: (m.file, m.document, m.root)))
    bench = _Bench(known, minor)
    if not bench.bound:
        return Judged(skipped=tuple(bench.idle(beside)))
    if not available():
        return Judged(skipped=tuple(bench.unread()))
    out = _Out(said)
    before = {_identity(m): m for m in base}
    for manifest in sorted(manifests, key=lambda m: (m.file, m.document, m.root)):
        for request in _requests(manifest, bench.resources, before, pods=settings.admission.pods):
            bench.ask(request, out)
    return Judged(findings=tuple(out.findings), skipped=(*out.told(), *bench.idle(beside)))


def _identity(m: Manifest) -> tuple[str, str, str, str]:
    return (m.group, m.kind, m.namespace, m.name)


def _requests(
    manifest: Manifest, resources: Resources, before: Mapping[tuple[str, str, str, str], Manifest], *, pods: bool
) -> Iterator[Request]:
    if not manifest.kind or not manifest.api_version:
        return
    old = before.get(_identity(manifest)) if manifest.metadata.get("name") else None
    changed = old is not None and old.body != manifest.body
    resource = resources.of_manifest(manifest)
    if resource.exempt:
        return
    yield Request(
        manifest=manifest,
        resource=resource,
        operation="UPDATE" if changed else "CREATE",
        old=old.body if old is not None and changed else None,
    )
    if pods and resource.kind != "Pod" and (pod := pod_of(manifest)) is not None and resource.kind != "PodTemplate":
        yield Request(manifest=manifest, resource=POD, template=pod.template, made=True)


class _Out:
    """What was found, and for each reason of a policy the first object that it could not judge."""

    def __init__(self, said: RuleSettings) -> None:
        self.findings: list[Finding] = []
        self._said = said
        self._skipped: dict[tuple[str, str], list[Request]] = {}

    def skip(self, policy: Policy, request: Request, why: str) -> None:
        self._skipped.setdefault((policy.name, why), []).append(request)

    def told(self) -> Iterator[Skipped]:
        for (name, why), requests in self._skipped.items():
            first = requests[0]
            more = f" and {len(requests) - 1} more" if len(requests) > 1 else ""
            reason = f"ValidatingAdmissionPolicy {name} not evaluated for {first}{more}: {why}"
            yield _skipped(first.manifest, reason, wanted=True)

    def denied(self, policy: Policy, binding: Binding | None, request: Request, denial: Denial, severity: Severity) -> None:
        manifest = request.manifest
        if self._said.exclude and any(any_matches(self._said.exclude, file) for file in manifest.files()):
            return
        path: Path = deepest(manifest.body, (*request.template, *denial.path))
        bound = f" with binding '{binding.name}'" if binding is not None else ""
        where = "" if denial.index is None else f" (spec.validations[{denial.index}])"
        about = f"{request}: " if request.made else ""
        self.findings.append(
            Finding.at(
                manifest,
                path,
                rule=DENIED,
                message=f"{about}ValidatingAdmissionPolicy '{policy.name}'{bound}: {denial.message}{where}",
                key=bool(path),
                severity=self._said.severity or severity,
                remediation=f"change the object as the policy asks for; it stands in {policy.manifest.file}",
            )
        )


class _Bench:
    """The policies that are bound, and what they may ask for."""

    def __init__(self, known: Sequence[Manifest], minor: int) -> None:
        ours = [m for m in known if m.group == GROUP]
        self.policies: dict[str, Policy] = {}
        for m in ours:
            if m.kind == KINDS[0]:
                self.policies.setdefault(m.name, Policy(manifest=m, minor=minor))
        bindings = list({m.name: Binding(manifest=m) for m in reversed(ours) if m.kind == KINDS[1]}.values())[::-1]
        self.stray = [b for b in bindings if b.policy not in self.policies]
        self.bound = [(p, own) for p in self.policies.values() if (own := [b for b in bindings if b.policy == p.name])]
        self.resources = Resources.of(known)
        self.namespaces = Namespaces(known)
        self.parameters = Parameters(known, self.resources)

    def idle(self, beside: Iterable[Manifest]) -> Iterator[Skipped]:
        """A policy without a binding, and a binding without its policy, gate nothing; who names them wants them to."""
        named = {id(m) for m in beside}
        bound = {p.name for p, _ in self.bound}
        for p in self.policies.values():
            if p.name not in bound:
                reason = f"ValidatingAdmissionPolicy {p.name} has no binding: nothing is held to it"
                yield _skipped(p.manifest, reason, wanted=id(p.manifest) in named)
        for b in self.stray:
            reason = f"ValidatingAdmissionPolicyBinding {b.name} binds {b.policy or 'nothing'}, which is not among the manifests"
            yield _skipped(b.manifest, reason, wanted=id(b.manifest) in named)

    def unread(self) -> Iterator[Skipped]:
        for p, _ in self.bound:
            yield _skipped(
                p.manifest, f"ValidatingAdmissionPolicy {p.name} not evaluated: kgate's extra cel is not installed, {INSTALL}", wanted=True
            )

    def ask(self, request: Request, out: _Out) -> None:
        for policy, bindings in self.bound:
            try:
                if not matches(policy.constraints, request, self.namespaces):
                    continue
            except UnknownError as error:
                out.skip(policy, request, error.message)
                continue
            if policy.compiled.fault:
                out.skip(policy, request, f"it does not compile, {policy.compiled.fault}")
                continue
            for binding in bindings:
                self._bound(policy, binding, request, out)

    def _bound(self, policy: Policy, binding: Binding, request: Request, out: _Out) -> None:
        try:
            if binding.matched and not matches(binding.matched, request, self.namespaces):
                return None
            params = self.parameters.of(policy, binding, request)
        except UnknownError as error:
            return out.skip(policy, request, error.message)
        except ConfigurationError as error:
            if policy.fails:  # whatever the binding's actions are
                wrong = Denial(index=None, message=f"failed to configure binding: {error}")
                out.denied(policy, binding, request, wrong, Severity.ERROR)
            return None
        severity = next((s for action, s in _SEVERITIES if action in binding.actions), None)
        if severity is None:
            return None
        for one in params:
            found, unknown = denials(policy, request, one, self.namespace(request))
            for denial in found:
                out.denied(policy, binding, request, denial, severity)
            for why in unknown:
                out.skip(policy, request, why)
        return None

    def namespace(self, request: Request) -> Any:
        """The variable `namespaceObject`: null for what is in no namespace, and for Namespaces."""
        name = request.namespace
        if request.resource.namespaced is False or name == "":
            return None
        if name is None:
            return Unknown("the manifest names no namespace")
        if (found := self.namespaces.named(name)) is None:
            known = {"name": name, "labels": _NO_CLUSTER, "annotations": _NO_CLUSTER}
            return {"apiVersion": "v1", "kind": "Namespace", "metadata": known, "spec": _NO_CLUSTER, "status": _NO_CLUSTER}
        from kgate.policy.admission.defaults import stored

        held = stored(found.body, "Namespace", built_in=True)
        held["metadata"]["labels"][NAME_LABEL] = name
        return held


def _skipped(m: Manifest, reason: str, *, wanted: bool) -> Skipped:
    place = m.locate(())
    return Skipped(file=place.file or m.file, reason=reason, line=place.line, wanted=wanted)
