"""Pods and pod templates (pkg/apis/core/validation/validation.go:ValidatePodSpec, ValidatePodTemplateSpec)."""

from __future__ import annotations

from kgate.manifest import Path
from kgate.validate import (
    addresses,
    containers,
    formats,
    meta,
    podannotations,
    resources,
    scheduling,
    security,
    volumes,
    windows,
)
from kgate.validate.cause import (
    Body,
    Causes,
    duplicate,
    forbidden,
    invalid,
    items,
    not_found,
    not_supported,
    number,
    part,
    required,
    strings,
    text,
    too_long,
)
from kgate.validate.gates import Gates

_DNS_POLICIES = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
_RESTART_POLICIES = ("Always", "OnFailure", "Never")
_NAMES = ("serviceAccountName", "nodeName", "priorityClassName", "runtimeClassName")


def template(found: Body, path: Path, on: Gates, *, claims: tuple[str, ...] = (), named_by_controller: bool = False) -> Causes:
    """`claims`: names of a StatefulSet's claim templates. `named_by_controller`: hostname and subdomain are not looked at."""
    metadata, at = part(found, "metadata"), (*path, "metadata")
    yield from meta.labels(part(metadata, "labels"), (*at, "labels"), at=(*path, "labels"))
    yield from meta.annotated(part(metadata, "annotations"), (*at, "annotations"), at=(*path, "annotations"))
    body = part(found, "spec")
    yield from podannotations.causes(part(metadata, "annotations"), body, (*at, "annotations"), (*path, "annotations"))
    yield from podannotations.contradicted(part(metadata, "annotations"), body, (*path, "spec"), is_pod=False)
    yield from spec(body, (*path, "spec"), on, claims=claims, named_by_controller=named_by_controller)
    if body.get("ephemeralContainers"):
        yield forbidden((*path, "spec", "ephemeralContainers"), "ephemeral containers not allowed in pod template")


def pod(body: Body, on: Gates) -> Causes:
    """A pod on its own: ValidatePodCreate looks at a few things more than at the pods of a template."""
    found = part(body, "spec")
    yield from spec(found, ("spec",), on, is_pod=True)
    for name in ("containers", "initContainers"):
        for at, container in items(found, name, ("spec",)):
            if (image := text(container, "image")) != image.strip():
                yield invalid((*at, "image"), image, "must not have leading or trailing whitespace")
    if found.get("ephemeralContainers"):
        yield forbidden(("spec", "ephemeralContainers"), "cannot be set on create")
    noted, at = part(part(body, "metadata"), "annotations"), ("metadata", "annotations")
    yield from podannotations.causes(noted, found, at, at)
    yield from podannotations.contradicted(noted, found, ("spec",), is_pod=True)
    yield from _alone(found, on)


def _alone(spec: Body, on: Gates) -> Causes:
    """What only a pod may not have. An admission plugin refuses overhead without a runtime class (plugin/pkg/admission/runtimeclass)."""
    if text(spec, "nodeName") and spec.get("schedulingGates") and "PodSchedulingReadiness" in on:
        yield forbidden(("spec", "nodeName"), "cannot be set until all schedulingGates have been cleared")
    if spec.get("overhead") and not text(spec, "runtimeClassName"):
        yield forbidden(("spec", "overhead"), "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead")
    # A projected serviceAccountToken needs a serviceAccountName, and gets one: the ServiceAccount admission plugin, which is on by default,
    # writes "default" before validation looks.
    for at, volume in items(spec, "volumes", ("spec",)):
        if "ImageVolume" in on and (image := volume.get("image")) is not None and not text(image, "reference"):
            yield required((*at, "image", "reference"))


def spec(
    body: Body, path: Path, on: Gates, *, claims: tuple[str, ...] = (), named_by_controller: bool = False, is_pod: bool = False
) -> Causes:
    known, wrong = volumes.causes(body, path, claims)
    yield from wrong
    yield from containers.causes(body, path, _surroundings(body, known, on, is_pod=is_pod))
    yield from _policies(body, path)
    if "PodLevelResources" in on and (found := body.get("resources")):
        yield from resources.pod(body, found, (*path, "resources"))
    yield from _claims(body, path, on)
    if overhead := body.get("overhead"):
        yield from resources.container({"limits": overhead}, (*path, "overhead"))
    yield from _host_network(body, path)
    yield from scheduling.causes(body, path, on)
    yield from security.pod(body, path, on)
    yield from _dns(body, path, on)
    yield from _gates(body, path, on)
    yield from _names(body, path, () if named_by_controller else ("hostname", "subdomain"))
    yield from _aliases(body, path, on)
    yield from windows.causes(body, path)
    yield from windows.host_processes(body, path)
    yield from _host_name(body, path, on)
    yield from _file_keys(body, path, on)


def _surroundings(body: Body, known: volumes.Volumes, on: Gates, *, is_pod: bool) -> containers.Surroundings:
    return containers.Surroundings(
        volumes=known,
        grace_s=number(body, "terminationGracePeriodSeconds", 30),
        restart_policy=text(body, "restartPolicy") or "Always",
        host_users=body.get("hostUsers") is not False or "UserNamespacesSupport" not in on,
        host_ports=is_pod and bool(body.get("hostNetwork")),
        on=on,
    )


def _policies(body: Body, path: Path) -> Causes:
    choices = (("restartPolicy", _RESTART_POLICIES), ("dnsPolicy", _DNS_POLICIES), ("preemptionPolicy", ("PreemptLowerPriority", "Never")))
    for name, valid in choices:
        if (value := text(body, name)) and value not in valid:
            yield not_supported((*path, name), value, valid)
    deadline = body.get("activeDeadlineSeconds")
    for fault in formats.between(deadline, 1, 2**31 - 1) if deadline is not None else ():
        yield invalid((*path, "activeDeadlineSeconds"), deadline, fault)


def _claims(body: Body, path: Path, on: Gates) -> Causes:
    """validatePodResourceClaims; the containers say which of them they use."""
    if "DynamicResourceAllocation" not in on:
        return
    taken: set[str] = set()
    for at, claim in items(body, "resourceClaims", path):
        name, existing, made = text(claim, "name"), claim.get("resourceClaimName"), claim.get("resourceClaimTemplateName")
        if not name:
            yield required((*at, "name"))
        elif name in taken:
            yield duplicate((*at, "name"), name)
        else:
            for fault in formats.dns1123_label(name):
                yield invalid((*at, "name"), name, fault)
        taken.add(name)
        if existing is not None and made is not None:
            yield invalid(at, claim, "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified")
        if existing is None and made is None:
            yield invalid(at, claim, "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`")
        for field, value in (("resourceClaimName", existing), ("resourceClaimTemplateName", made)):
            for fault in formats.dns1123_subdomain(value) if value is not None else ():
                yield invalid((*at, field), value, fault)
    for kind in ("containers", "initContainers"):
        for at, container in items(body, kind, path):
            yield from resources.claims(part(container, "resources"), taken - {""}, (*at, "resources"))


def _host_name(body: Body, path: Path, on: Gates) -> Causes:
    """The namespaces of the host that a pod may not share with users of its own, and hostnameOverride (validateHostUsers)."""
    if body.get("hostUsers") is False and "UserNamespacesSupport" in on:
        for name, at in (("hostNetwork", ()), ("hostPID", (*path, "HostPID")), ("hostIPC", (*path, "HostIPC"))):
            if body.get(name):
                yield forbidden((*path, name), "when `hostUsers` is false", at=at)
        for kind in ("initContainers", "containers") if "UserNamespacesWithoutDevices" in on else ():
            for at, container in items(body, kind, path):
                if container.get("volumeDevices"):
                    yield forbidden((*at, "volumeDevices"), "when `hostUsers` is false")
    if (override := body.get("hostnameOverride")) is None or "HostnameOverride" not in on:
        return
    at = (*path, "hostnameOverride")
    for other in ("setHostnameAsFQDN", "hostNetwork"):
        if body.get(other):
            yield forbidden(at, f"may not be specified when {other} is true")
    if len(override) > 64:
        yield too_long(at, 64)
    for fault in formats.dns1123_subdomain(override):
        yield invalid(at, override, fault)


def _file_keys(body: Body, path: Path, on: Gates) -> Causes:
    """Variables may come from files of emptyDirs of the pod (validateFileKeyRefVolumes)."""
    if "EnvFiles" not in on:
        return
    found = {text(v, "name"): v for _, v in items(body, "volumes", path)}
    for kind in ("initContainers", "containers"):
        for at, container in items(body, kind, path):
            for where, variable in items(container, "env", at):
                if (reference := part(variable, "valueFrom").get("fileKeyRef")) is None:
                    continue
                name, field = text(reference, "volumeName"), (*where, "valueFrom", "fileKeyRef", "volumeName")
                if name not in found:
                    yield not_found(field, name)
                elif found[name].get("emptyDir") is None and len(found[name]) > 1:
                    yield invalid(field, name, "referenced volume must be of type emptyDir")


def _host_network(body: Body, path: Path) -> Causes:
    if not body.get("hostNetwork"):
        return
    for at, container in items(body, "containers", path):
        for where, port in items(container, "ports", at):
            if (host := number(port, "hostPort")) and host != number(port, "containerPort"):
                yield invalid((*where, "hostPort"), host, "must match `containerPort` when `hostNetwork` is true")


def _dns(body: Body, path: Path, on: Gates) -> Causes:
    config, at = body.get("dnsConfig"), (*path, "dnsConfig")
    if text(body, "dnsPolicy") == "None":
        if config is None:
            yield required(at, "must provide `dnsConfig` when `dnsPolicy` is None")
        elif not config.get("nameservers"):
            yield required((*at, "nameservers"), "must provide at least one DNS nameserver when `dnsPolicy` is None")
    config = config or {}
    servers, searches = config.get("nameservers") or (), [s or "" for s in config.get("searches") or ()]
    if len(servers) > 3:
        yield invalid((*at, "nameservers"), servers, "must not have more than 3 nameservers")
    for where, server in strings(config, "nameservers", at):
        yield from addresses.legacy_ip(server, where, on)
    if len(searches) > 32:
        yield invalid((*at, "searches"), searches, "must not have more than 32 search paths")
    if len(" ".join(searches)) > 2048:
        yield invalid((*at, "searches"), searches, "must not have more than 2048 characters (including spaces) in the search list")
    for where, search in strings(config, "searches", at):
        for fault in _search_faults(search, on):
            yield invalid(where, search.removesuffix("."), fault)
    for where, option in items(config, "options", at):
        if not text(option, "name"):
            yield required(where, "must not be empty")


def _search_faults(search: str, on: Gates) -> formats.Faults:
    if "RelaxedDNSSearchValidation" not in on:
        return formats.dns1123_subdomain(search.removesuffix("."))
    return formats.search_domain(search.removesuffix(".")) if search != "." else ()


def _gates(body: Body, path: Path, on: Gates) -> Causes:
    for at, gate in items(body, "readinessGates", path):
        for fault in formats.label_key(text(gate, "conditionType")):
            yield invalid((*at, "conditionType"), text(gate, "conditionType"), fault)
    taken: set[str] = set()
    for at, gate in items(body, "schedulingGates", path) if "PodSchedulingReadiness" in on else ():
        name = text(gate, "name")
        for fault in formats.label_key(name):
            yield invalid((*at, "name"), name, fault, at=at)
        if name in taken:
            yield duplicate((*at, "name"), name, at=at)
        taken.add(name)


def _names(body: Body, path: Path, labels: tuple[str, ...]) -> Causes:
    for name in _NAMES:
        if value := text(body, name):
            for fault in formats.dns1123_subdomain(value):
                yield invalid((*path, name), value, fault)
    for name in labels:
        if value := text(body, name):
            for fault in formats.dns1123_label(value):
                yield invalid((*path, name), value, fault)


def _aliases(body: Body, path: Path, on: Gates) -> Causes:
    for at, alias in items(body, "hostAliases", path):
        yield from addresses.legacy_ip(text(alias, "ip"), (*at, "ip"), on)
        for where, host in strings(alias, "hostnames", at):
            for fault in formats.dns1123_subdomain(host):
                yield invalid(where, host, fault)
