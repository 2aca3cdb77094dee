"""Containers of a pod (pkg/apis/core/validation/validation.go:validateContainers, validateInitContainers)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from msgspec import Struct

from kgate.manifest import Path
from kgate.validate import env, formats, paths, probes, resources, security
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
    required,
    text,
)
from kgate.validate.gates import Gates
from kgate.validate.volumes import Volumes

_PROTOCOLS = ("SCTP", "TCP", "UDP")
_PULL_POLICIES = ("Always", "IfNotPresent", "Never")
_RESTART_POLICIES = ("Always", "Never", "OnFailure")
_SIDECARS_ONLY = "may not be set for init containers without restartPolicy=Always"


class Surroundings(Struct, frozen=True, kw_only=True):
    """What the rules of a container need to know of its pod."""

    volumes: Volumes
    grace_s: int
    """terminationGracePeriodSeconds, 30 when it is left out."""
    restart_policy: str
    host_users: bool
    on: Gates
    host_ports: bool
    """Whether the server has set each hostPort to the containerPort: in pods on the host's network, not in templates."""


def causes(spec: Body, path: Path, around: Surroundings) -> Causes:
    containers, init = list(items(spec, "containers", path)), list(items(spec, "initContainers", path))
    if not containers:
        yield required((*path, "containers"))
    taken: set[str] = set()
    for at, container in containers:
        yield from common(container, at, around)
        yield from _unique(container, at, taken)
        yield from probes.all_of(container, at, around.grace_s, around.on)
        yield from _restart(container, at, around.on, init=False)
    yield from _host_ports(containers, around)
    for at, container in init:
        yield from common(container, at, around)
        yield from _unique(container, at, taken)
        yield from _host_ports([(at, container)], around)
        yield from _restart(container, at, around.on, init=True)
        yield from _init_probes(container, at, around)
        if "InitContainersResizeInPlace" in around.on and text(container, "restartPolicy") != "Always":
            yield from _no_restart(container, at)


def _no_restart(container: Body, path: Path) -> Causes:
    """What has run to its end cannot be restarted to be resized."""
    for at, policy in items(container, "resizePolicy", path):
        if text(policy, "restartPolicy") == "RestartContainer":
            detail = "must not be set to 'RestartContainer' for non-sidecar initContainers"
            yield invalid((*at, "restartPolicy"), "RestartContainer", detail)


def _init_probes(container: Body, path: Path, around: Surroundings) -> Causes:
    """A sidecar (restartPolicy Always) has probes and hooks like any container, other init containers have none."""
    if text(container, "restartPolicy") == "Always" and "SidecarContainers" in around.on:
        yield from probes.all_of(container, path, around.grace_s, around.on)
        return
    for name in ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe"):
        if container.get(name) is not None:
            yield forbidden((*path, name), _SIDECARS_ONLY)


def _unique(container: Body, path: Path, taken: set[str]) -> Causes:
    if (name := text(container, "name")) in taken:
        yield duplicate((*path, "name"), name)
    if name:
        taken.add(name)


def common(container: Body, path: Path, around: Surroundings) -> Causes:
    name = text(container, "name")
    if not name:
        yield required((*path, "name"))
    for fault in formats.dns1123_label(name) if name else ():
        yield invalid((*path, "name"), name, fault)
    if not text(container, "image"):
        yield required((*path, "image"))
    yield from _choice(container, "terminationMessagePolicy", path, ("File", "FallbackToLogsOnError"))
    yield from _choice(container, "imagePullPolicy", path, _PULL_POLICIES)
    for field, rules in _LISTS.items():
        if container.get(field):
            yield from rules(container, path, around.on)
    yield from _mounts(container, path, around)
    if found := container.get("resources"):
        yield from resources.container(found, (*path, "resources"))
    if "InPlacePodVerticalScaling" in around.on:
        yield from _resize(container, path, around.restart_policy)
    if context := container.get("securityContext"):
        yield from security.container(context, (*path, "securityContext"), around.on, host_users=around.host_users)


def _choice(container: Body, name: str, path: Path, valid: tuple[str, ...]) -> Causes:
    """An empty text is the default."""
    if (value := text(container, name)) and value not in valid:
        yield not_supported((*path, name), value, valid)


def _ports(container: Body, path: Path, _: Gates) -> Causes:
    taken: set[str] = set()
    for at, port in items(container, "ports", path):
        if name := text(port, "name"):
            faults = formats.port_name(name)
            for fault in faults:
                yield invalid((*at, "name"), name, fault)
            if name in taken:
                yield duplicate((*at, "name"), name)
            if not faults:
                taken.add(name)
        if not number(port, "containerPort"):
            yield required((*at, "containerPort"))
        for field in ("containerPort", "hostPort"):
            for fault in formats.port_number(number(port, field)) if number(port, field) else ():
                yield invalid((*at, field), port[field], fault)
        if (protocol := text(port, "protocol") or "TCP") not in _PROTOCOLS:
            yield not_supported((*at, "protocol"), protocol, _PROTOCOLS)


_LISTS: Mapping[str, Callable[[Body, Path, Gates], Causes]] = {"ports": _ports, "env": env.variables, "envFrom": env.sources}


def _host_ports(containers: list[tuple[Path, Body]], around: Surroundings) -> Causes:
    """checkHostPortConflicts: one port of the node for one container."""
    taken: set[str] = set()
    for at, host_port, port in _on_the_host(containers, around.host_ports):
        place = f"{text(port, 'protocol') or 'TCP'}/{text(port, 'hostIP')}/{host_port}"
        if place in taken:
            yield duplicate((*at, "hostPort"), place)
        taken.add(place)


def _on_the_host(containers: list[tuple[Path, Body]], defaulted: bool) -> Iterator[tuple[Path, int, Body]]:
    for path, container in containers:
        for at, port in items(container, "ports", path):
            host_port = number(port, "hostPort") or (number(port, "containerPort") if defaulted else 0)
            if host_port:
                yield at, host_port, port


def _mounts(container: Body, path: Path, around: Surroundings) -> Causes:
    devices = list(items(container, "volumeDevices", path))
    mounts = list(items(container, "volumeMounts", path))
    names, places = {text(d, "name") for _, d in devices}, {text(d, "devicePath") for _, d in devices}
    taken: set[str] = set()
    for at, mount in mounts:
        yield from _mounted(mount, at, around.volumes)
        place = text(mount, "mountPath")
        if not place:
            yield required((*at, "mountPath"))
        if place in taken:
            yield invalid((*at, "mountPath"), place, "must be unique")
        taken.add(place)
        yield from _mount_options(mount, at, container, around.on)
        if text(mount, "name") in names:
            yield invalid((*at, "name"), text(mount, "name"), "must not already exist in volumeDevices")
        if place in places:
            yield invalid((*at, "mountPath"), place, "must not already exist as a path in volumeDevices")
    yield from _devices(devices, mounts, around.volumes)


def _mounted(mount: Body, path: Path, volumes: Volumes) -> Causes:
    name = text(mount, "name")
    if not name:
        yield required((*path, "name"))
    if name not in volumes:
        yield not_found((*path, "name"), name)


def _mount_options(mount: Body, path: Path, container: Body, on: Gates) -> Causes:
    """The server names the list for what stands below the mount."""
    sub, expression = text(mount, "subPath"), text(mount, "subPathExpr")
    field = path[:-1]
    yield from paths.descending(sub, (*path, "subPath"), at=(*field, "subPath"))
    if sub and expression:
        yield invalid((*path, "subPathExpr"), expression, "subPathExpr and subPath are mutually exclusive")
    yield from paths.descending(expression, (*path, "subPathExpr"), at=(*field, "subPathExpr"))
    propagation, recursive = mount.get("mountPropagation"), mount.get("recursiveReadOnly")
    if propagation is not None:
        if propagation not in ("Bidirectional", "HostToContainer", "None"):
            yield not_supported((*path, "mountPropagation"), propagation, ["Bidirectional", "HostToContainer", "None"])
        if propagation == "Bidirectional" and not (container.get("securityContext") or {}).get("privileged"):
            detail = "Bidirectional mount propagation is available only to privileged containers"
            yield forbidden((*path, "mountPropagation"), detail, at=(*field, "mountPropagation"))
    if recursive is not None and "RecursiveReadOnlyMounts" in on:
        yield from _recursive(mount, recursive, (*path, "recursiveReadOnly"), (*field, "recursiveReadOnly"))


def _recursive(mount: Body, value: str, path: Path, field: Path) -> Causes:
    if value not in ("Disabled", "Enabled", "IfPossible"):
        yield not_supported(path, value, ["Disabled", "Enabled", "IfPossible"])
    if value in ("Enabled", "IfPossible"):
        if not mount.get("readOnly"):
            yield forbidden(path, "may only be specified when readOnly is true", at=field)
        if (text(mount, "mountPropagation") or "None") != "None":
            yield forbidden(path, "may only be specified when mountPropagation is None or not specified", at=field)


def _devices(devices: list[tuple[Path, Body]], mounts: list[tuple[Path, Body]], volumes: Volumes) -> Causes:
    mounted = {text(mount, "name") for _, mount in mounts}
    names, places = set(), set()
    for at, device in devices:
        name, place = text(device, "name"), text(device, "devicePath")
        if not name:
            yield required((*at, "name"))
        if name in names:
            yield invalid((*at, "name"), name, "must be unique")
        if name not in volumes:
            yield not_found((*at, "name"), name)
        elif volumes[name] not in ("persistentVolumeClaim", "ephemeral"):
            detail = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode"
            yield invalid((*at, "name"), name, detail)
        if not place:
            yield required((*at, "devicePath"))
        if place in places:
            yield invalid((*at, "devicePath"), place, "must be unique")
        if ".." in place.split("/"):
            yield invalid((*at, "devicePath"), place, "can not contain backsteps ('..')")
        if name in mounted:
            yield invalid((*at, "name"), name, "must not already exist in volumeMounts")
        names.add(name)
        places.add(place)


def _resize(container: Body, path: Path, restart_policy: str) -> Causes:
    taken: set[str] = set()
    for at, policy in items(container, "resizePolicy", path):
        resource, restart = text(policy, "resourceName"), text(policy, "restartPolicy") or "NotRequired"
        field = at[:-1]
        if resource in taken:
            yield duplicate(at, resource)
        taken.add(resource)
        if not resource:
            yield required((*at, "resourceName"), at=field)
        elif resource not in ("cpu", "memory"):
            yield not_supported((*at, "resourceName"), resource, ["cpu", "memory"])
        if restart not in ("NotRequired", "RestartContainer"):
            yield not_supported((*at, "restartPolicy"), restart, ["NotRequired", "RestartContainer"])
        if restart_policy == "Never" and restart != "NotRequired":
            yield invalid((*at, "restartPolicy"), restart, "must be 'NotRequired' when pod `restartPolicy` is 'Never'", at=field)


def _restart(container: Body, path: Path, on: Gates, *, init: bool) -> Causes:
    """validateContainerRestartPolicy; before ContainerRestartRules only init containers had a policy, and only Always."""
    if "ContainerRestartRules" in on:
        yield from _restart_rules(container, path)
    elif "SidecarContainers" in on and (policy := container.get("restartPolicy")) is not None:
        if not init:
            yield forbidden((*path, "restartPolicy"), "may not be set for non-init containers")
        elif policy != "Always":
            yield not_supported((*path, "restartPolicy"), policy, ["Always"])


def _restart_rules(container: Body, path: Path) -> Causes:
    policy, rules = container.get("restartPolicy"), list(items(container, "restartPolicyRules", path))
    if policy is None and rules:
        yield required((*path, "restartPolicy"), "must specify restartPolicy when restart rules are used")
    if policy is not None and policy not in _RESTART_POLICIES:
        yield not_supported((*path, "restartPolicy"), policy, _RESTART_POLICIES)
    for at, rule in rules:
        if (action := text(rule, "action")) not in ("Restart", "RestartAllContainers"):
            yield not_supported((*at, "action"), action, ["Restart", "RestartAllContainers"])
        codes = rule.get("exitCodes")
        if codes is None:
            yield required((*at, "exitCodes"), "must be specified")
        elif (operator := text(codes, "operator")) not in ("In", "NotIn"):
            yield not_supported((*at, "exitCodes", "operator"), operator, ["In", "NotIn"])
