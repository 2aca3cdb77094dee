"""Group apps: Deployment, ReplicaSet, StatefulSet, DaemonSet (pkg/apis/apps/validation/validation.go)."""

from __future__ import annotations

from kgate.manifest import Path
from kgate.validate import claims, formats, intstr, pod, selectors
from kgate.validate.cause import Body, Causes, forbidden, invalid, items, not_supported, number, part, required, shown, text
from kgate.validate.gates import Gates
from kgate.validate.meta import no_negative

_KEEP = "keep the selector, or delete the object and create it anew"
_SPEC: Path = ("spec",)
_TEMPLATE: Path = ("spec", "template")


def deployment(body: Body, on: Gates) -> Causes:
    spec = part(body, "spec")
    yield from no_negative(spec, "replicas", _SPEC)
    yield from _selected_template(spec, "deployment", on)
    yield from _strategy(part(spec, "strategy"), (*_SPEC, "strategy"))
    yield from no_negative(spec, "minReadySeconds", _SPEC)
    yield from no_negative(spec, "revisionHistoryLimit", _SPEC)
    yield from no_negative(spec, "progressDeadlineSeconds", _SPEC)
    deadline = number(spec, "progressDeadlineSeconds", 600)
    if deadline <= number(spec, "minReadySeconds"):
        yield invalid((*_SPEC, "progressDeadlineSeconds"), deadline, "must be greater than minReadySeconds")


def replica_set(body: Body, on: Gates) -> Causes:
    spec = part(body, "spec")
    yield from no_negative(spec, "replicas", _SPEC)
    yield from no_negative(spec, "minReadySeconds", _SPEC)
    yield from _selected_template(spec, "deployment", on)


def _selected_template(spec: Body, kind: str, on: Gates) -> Causes:
    """The selector, then the template it must match: ValidateDeploymentSpec and ValidatePodTemplateSpecForReplicaSet."""
    selector, template = spec.get("selector"), part(spec, "template")
    yield from _selector(selector, kind)
    if selector is not None and not selectors.usable(selector):
        yield invalid((*_SPEC, "selector"), selector, "invalid label selector")
        return
    yield from _match(selector, template)
    yield from pod.template(template, _TEMPLATE, on)
    yield from _always(template, "ReplicaSet")


def _selector(selector: Body | None, kind: str) -> Causes:
    path = (*_SPEC, "selector")
    if selector is None:
        yield required(path)
        return
    yield from selectors.causes(selector, path)
    if selectors.empty(selector):
        yield invalid(path, selector, f"empty selector is invalid for {kind}")


def _match(selector: Body | None, template: Body) -> Causes:
    """No selector at all matches nothing, an empty one everything."""
    labels = part(template, "metadata").get("labels")
    if selector is None or not selectors.matches(selector, labels or {}):
        wanted = part(selector or {}, "matchLabels")
        hint = "add to the labels of the template: " + ", ".join(f"{k}: {v or ''}" for k, v in wanted.items()) if wanted else ""
        detail = "`selector` does not match template `labels`"
        yield invalid((*_TEMPLATE, "metadata", "labels"), labels, detail, remediation=hint)


def _always(template: Body, kind: str) -> Causes:
    spec, path = part(template, "spec"), (*_TEMPLATE, "spec")
    if (policy := text(spec, "restartPolicy") or "Always") != "Always":
        yield not_supported((*path, "restartPolicy"), policy, ["Always"])
    if spec.get("activeDeadlineSeconds") is not None:
        yield forbidden((*path, "activeDeadlineSeconds"), f"activeDeadlineSeconds in {kind} is not Supported")


def _strategy(strategy: Body, path: Path) -> Causes:
    """Left out, the type is RollingUpdate with a quarter of the pods for maxSurge and for maxUnavailable."""
    kind, rolling = text(strategy, "type") or "RollingUpdate", strategy.get("rollingUpdate")
    if kind == "Recreate":
        if rolling is not None:
            yield forbidden((*path, "rollingUpdate"), "may not be specified when strategy `type` is 'Recreate'")
    elif kind == "RollingUpdate":
        yield from _rolling_deployment(rolling or {}, (*path, "rollingUpdate"))
    else:
        yield not_supported(path, strategy, ["Recreate", "RollingUpdate"])


def _rolling_deployment(rolling: Body, path: Path) -> Causes:
    unavailable, surge = (intstr.default(rolling, name, "25%") for name in ("maxUnavailable", "maxSurge"))
    yield from intstr.not_negative(unavailable, (*path, "maxUnavailable"))
    yield from intstr.not_negative(surge, (*path, "maxSurge"))
    if intstr.amount(unavailable) == 0 and intstr.amount(surge) == 0:
        yield invalid((*path, "maxUnavailable"), unavailable, "may not be 0 when `maxSurge` is 0")
    yield from intstr.at_most_all(unavailable, (*path, "maxUnavailable"))


def stateful_set(body: Body, on: Gates) -> Causes:
    spec = part(body, "spec")
    if (policy := text(spec, "podManagementPolicy") or "OrderedReady") not in ("OrderedReady", "Parallel"):
        yield invalid((*_SPEC, "podManagementPolicy"), policy, "must be 'OrderedReady' or 'Parallel'")
    yield from _stateful_strategy(part(spec, "updateStrategy"), (*_SPEC, "updateStrategy"), on)
    for name in ("whenDeleted", "whenScaled"):
        policy = text(part(spec, "persistentVolumeClaimRetentionPolicy"), name) or "Retain"
        if policy not in ("Retain", "Delete"):
            yield not_supported((*_SPEC, "persistentVolumeClaimRetentionPolicy", name), policy, ["Retain", "Delete"])
    for at, claim in items(spec, "volumeClaimTemplates", _SPEC) if "StatefulSetValidatesClaims" in on else ():
        yield from claims.spec(part(claim, "spec"), (*at, "spec"))
    yield from no_negative(spec, "replicas", _SPEC)
    yield from no_negative(spec, "minReadySeconds", _SPEC)
    yield from no_negative(part(spec, "ordinals"), "start", (*_SPEC, "ordinals"))
    if service := text(spec, "serviceName"):
        for fault in formats.dns1123_label(service):
            yield invalid((*_SPEC, "serviceName"), service, fault)
    yield from _stateful_template(spec, on)


def _stateful_template(spec: Body, on: Gates) -> Causes:
    """The pods get the volumes of the claim templates; hostname and subdomain are the controller's, whatever stands there."""
    selector, template = spec.get("selector"), part(spec, "template")
    yield from _selector(selector, "statefulset")
    if selector is not None and not selectors.usable(selector):
        yield invalid((*_SPEC, "selector"), selector, "")
    else:
        yield from _match(selector, template)
        claims = tuple(text(part(claim or {}, "metadata"), "name") for claim in spec.get("volumeClaimTemplates") or ())
        yield from pod.template(template, _TEMPLATE, on, claims=claims, named_by_controller=True)
    yield from _always(template, "StatefulSet")


def _stateful_strategy(strategy: Body, path: Path, on: Gates) -> Causes:
    kind, rolling = text(strategy, "type") or "RollingUpdate", strategy.get("rollingUpdate")
    if kind == "OnDelete":
        if rolling is not None:
            yield invalid((*path, "rollingUpdate"), rolling, "only allowed for updateStrategy 'RollingUpdate'")
    elif kind == "RollingUpdate":
        yield from _rolling_stateful(rolling or {}, (*path, "rollingUpdate"), on)
    else:
        yield invalid(path, strategy, "must be 'RollingUpdate' or 'OnDelete'")


def _rolling_stateful(rolling: Body, path: Path, on: Gates) -> Causes:
    yield from no_negative(rolling, "partition", path)
    if "MaxUnavailableStatefulSet" in on and (unavailable := rolling.get("maxUnavailable")) is not None:
        yield from intstr.not_negative(unavailable, (*path, "maxUnavailable"))
        if intstr.amount(unavailable) == 0:
            yield invalid((*path, "maxUnavailable"), unavailable, "cannot be 0")
        yield from intstr.at_most_all(unavailable, (*path, "maxUnavailable"))


def daemon_set(body: Body, on: Gates) -> Causes:
    spec = part(body, "spec")
    selector, template = spec.get("selector"), part(spec, "template")
    yield from selectors.causes(selector or {}, (*_SPEC, "selector"))
    if selector is None or selectors.usable(selector):
        yield from _match(selector, template)
    if selector is None:
        yield required((*_SPEC, "selector"))
    elif selectors.empty(selector):
        yield invalid((*_SPEC, "selector"), selector, "empty selector is invalid for daemonset")
    yield from pod.template(template, _TEMPLATE, on)
    yield from _always(template, "DaemonSet")
    yield from no_negative(spec, "minReadySeconds", _SPEC)
    yield from _daemon_strategy(part(spec, "updateStrategy"), (*_SPEC, "updateStrategy"))
    yield from no_negative(spec, "revisionHistoryLimit", _SPEC)


def _daemon_strategy(strategy: Body, path: Path) -> Causes:
    kind = text(strategy, "type") or "RollingUpdate"
    if kind not in ("RollingUpdate", "OnDelete"):
        yield not_supported(path, strategy, ["RollingUpdate", "OnDelete"])
    if kind != "RollingUpdate":
        return
    rolling, path = part(strategy, "rollingUpdate"), (*path, "rollingUpdate")
    unavailable, surge = intstr.default(rolling, "maxUnavailable", 1), intstr.default(rolling, "maxSurge", 0)
    for name, value in (("maxUnavailable", unavailable), ("maxSurge", surge)):
        yield from intstr.not_negative(value, (*path, name))
        yield from intstr.at_most_all(value, (*path, name))
    if intstr.amount(unavailable) and intstr.amount(surge):
        yield invalid((*path, "maxSurge"), surge, "may not be set when maxUnavailable is non-zero")
    if not intstr.amount(unavailable) and not intstr.amount(surge):
        yield required((*path, "maxUnavailable"), "cannot be 0 when maxSurge is 0")


def selector_update(body: Body, old: Body) -> Causes:
    """The selector of a workload is for life (ValidateImmutableField)."""
    new, was = part(body, "spec").get("selector"), part(old, "spec").get("selector")
    if _canonical(new) != _canonical(was):
        yield invalid((*_SPEC, "selector"), new, "field is immutable", remediation=_KEEP)


def _canonical(selector: Body | None) -> object:
    """Null and empty are the same to the server; the order of requirements is not."""
    if selector is None:
        return None
    labels = {k: v or "" for k, v in part(selector, "matchLabels").items()}
    rules = [(text(r, "key"), text(r, "operator"), shown(r.get("values") or [])) for _, r in items(selector, "matchExpressions", ())]
    return labels, rules
