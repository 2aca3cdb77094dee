"""The controls of the Pod Security Standards that look at several places of a pod, or changed between versions.

k8s.io/pod-security-admission/policy, one file a control. `context.minor` is the version of the standard, `context.level` its level.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kgate.edit import APPEND, Edit, Operation
from kgate.manifest import Path
from kgate.policy.context import Context
from kgate.policy.nodes import at, entries, mapping, text, whole
from kgate.policy.policy import Violation
from kgate.policy.standard import Level
from kgate.policy.subjects import Container, Pod, containers_of

_CONTEXT = "securityContext"
_APPARMOR_ANNOTATION = "container.apparmor.security.beta.kubernetes.io/"
_SECCOMP_ANNOTATION = "seccomp.security.alpha.kubernetes.io/pod"
_SECCOMP_ANNOTATION_OF = "container.seccomp.security.alpha.kubernetes.io/"
_LEGAL_PROFILES = ("RuntimeDefault", "Localhost")
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_ESCALATING = ("SYS_ADMIN", "CAP_SYS_ADMIN")
_WINDOWS_SINCE = 25
"""From there on the restricted controls that Windows cannot satisfy leave pods of that system alone."""
_USER_NAMESPACES_SINCE = 35


def capabilities_baseline(container: Container, context: Context) -> Iterator[Violation]:
    """check_capabilities_baseline.go; the stricter control of the restricted level takes its place, and spares Windows."""
    if context.level is Level.RESTRICTED and _spared(container.pod, context):
        return
    allowed = context.params["allowed"]
    for path, name in _added(container):
        if name not in allowed:
            says = f"{container} adds the capability {name}, which is not one of those that the baseline standard allows"
            edits = _taken_out(path, prune=2)
            if name in _ESCALATING and at(container.body, _CONTEXT, "allowPrivilegeEscalation") is None:
                edits = (Edit(path=(*container.path, _CONTEXT, "allowPrivilegeEscalation"), value=False), *edits)
            yield Violation(manifest=container.manifest, path=path, message=says, edits=edits)


def capabilities_restricted(container: Container, context: Context) -> Iterator[Violation]:
    """check_capabilities_restricted.go; what the baseline standard forbids as well is said by its own policy."""
    if context.minor < 22 or _spared(container.pod, context):
        return
    baseline = context.params_of.get("pss-capabilities-baseline", {}).get("allowed", ())
    for path, name in _added(container):
        if name not in context.params["allowed"] and name in baseline:
            says = f"{container} adds the capability {name}, and the restricted standard allows NET_BIND_SERVICE alone"
            yield Violation(manifest=container.manifest, path=path, message=says, edits=_taken_out(path, prune=2))


def capabilities_not_dropped(container: Container, context: Context) -> Iterator[Violation]:
    if context.minor < 22 or _spared(container.pod, context):
        return
    dropped = at(container.body, _CONTEXT, "capabilities", "drop")
    names = dropped if isinstance(dropped, list) else []
    missing = [name for name in context.params["drop"] if not _drops(name, names)]
    if missing:
        says = f"{container} keeps capabilities that the runtime gives: it does not drop {', '.join(missing)}"
        path: Path = (*container.path, _CONTEXT, "capabilities", "drop")
        more = tuple(Edit(path=(*path, APPEND), operation=Operation.INSERT, value=name) for name in missing)
        edits = more if names else (Edit(path=path, value=missing),)
        yield Violation(manifest=container.manifest, path=path, message=says, edits=edits)


def _drops(name: str, names: list[Any]) -> bool:
    """The standard compares ALL as it is written; runtimes take every name in capitals (containerd, internal/cri/opts and server)."""
    return name in names or "ALL" in names or (name != "ALL" and any(str(n).upper() in (name, "ALL") for n in names))


def privilege_escalation(container: Container, context: Context) -> Iterator[Violation]:
    """check_allowPrivilegeEscalation.go.

    Privileged containers and those with SYS_ADMIN cannot set it to false, the API server refuses that; other controls forbid them.
    """
    if context.minor < 8 or _spared(container.pod, context) or _escalates_anyway(container):
        return
    if at(container.body, _CONTEXT, "allowPrivilegeEscalation") is not False:
        says = f"{container} may gain more privileges than its parent process, allowPrivilegeEscalation is not false"
        yield Violation(manifest=container.manifest, path=(*container.path, _CONTEXT, "allowPrivilegeEscalation"), message=says)


def runs_as_root(pod: Pod, context: Context) -> Iterator[Violation]:
    """check_runAsNonRoot.go and check_runAsUser.go: a container's word counts, the pod's where it says nothing.

    What the pod says wrongly is wrong even where every container says otherwise. Since 1.35 pods with a user namespace are spared.
    """
    if context.minor >= _USER_NAMESPACES_SINCE and pod.body.get("hostUsers") is False:
        return
    by_default = at(pod.body, _CONTEXT, "runAsNonRoot")
    for path, who, security in _speakers(pod):
        own = security.get("runAsNonRoot")
        user = whole(security, "runAsUser")
        if context.minor >= 23 and user == 0:
            place: Path = (*path, "runAsUser")
            guard = () if own is True else (Edit(path=(*path, "runAsNonRoot"), value=True),)
            says = f"{who} runs as root: runAsUser is 0"
            yield Violation(manifest=pod.manifest, path=place, message=says, edits=(*guard, *_taken_out(place)))
        elif own is False:
            place = (*path, "runAsNonRoot")
            says = f"{who} sets runAsNonRoot to false"
            yield Violation(manifest=pod.manifest, path=place, message=says, edits=(Edit(path=place, value=True),))
        elif own is not True and by_default is None and who is not pod:
            says = f"{who} may run as root: runAsNonRoot is true neither here nor on the pod"
            edits = (Edit(path=(*pod.path, _CONTEXT, "runAsNonRoot"), value=True),)
            yield Violation(manifest=pod.manifest, path=(*path, "runAsNonRoot"), message=says, edits=edits)


def seccomp_unconfined(pod: Pod, context: Context) -> Iterator[Violation]:
    """check_seccompProfile_baseline.go: annotations until 1.18, fields since."""
    if context.minor < 19:
        yield from _seccomp_annotations(pod)
        return
    if context.level is Level.RESTRICTED and _spared(pod, context):
        return
    for path, who, security in _speakers(pod):
        profile = security.get("seccompProfile")
        if isinstance(profile, dict) and profile.get("type") not in _LEGAL_PROFILES:
            says = f'{who} asks for the seccomp profile "{profile.get("type", "")}", which confines it to nothing'
            yield _default_profile(pod, (*path, "seccompProfile", "type"), says)


def seccomp_required(pod: Pod, context: Context) -> Iterator[Violation]:
    """check_seccompProfile_restricted.go; a profile that is there and wrong is said by the baseline control."""
    if context.minor < 19 or _spared(pod, context) or _has_profile(mapping(pod.body, _CONTEXT)):
        return
    for container in containers_of(pod):
        if not _has_profile(mapping(container.body, _CONTEXT)):
            says = f"{container} has no seccomp profile, and its pod has none either, so every system call is open to it"
            yield Violation(manifest=pod.manifest, path=(*container.path, _CONTEXT, "seccompProfile"), message=says)


def apparmor(pod: Pod, context: Context) -> Iterator[Violation]:
    """check_appArmorProfile.go."""
    for path, who, security in _speakers(pod):
        profile = security.get("appArmorProfile")
        if isinstance(profile, dict) and profile.get("type") not in _LEGAL_PROFILES:
            says = f'{who} asks for the AppArmor profile "{profile.get("type", "")}", which takes its confinement away'
            yield _default_profile(pod, (*path, "appArmorProfile", "type"), says)
    for key, value in mapping(pod.metadata, "annotations").items():
        if key.startswith(_APPARMOR_ANNOTATION) and value not in ("", "runtime/default") and not str(value).startswith("localhost/"):
            says = f'{pod} asks for the AppArmor profile "{value}" by annotation, which takes the confinement away'
            place = (*pod.template, "metadata", "annotations", key)
            yield Violation(manifest=pod.manifest, path=place, message=says, edits=_taken_out(place, prune=1))


def selinux(pod: Pod, context: Context) -> Iterator[Violation]:
    """check_seLinuxOptions.go."""
    allowed = _until(context.params["types"], context.minor)
    for path, who, security in _speakers(pod):
        options = mapping(security, "seLinuxOptions")
        if options.get("type", "") not in ("", None, *allowed):
            says = f'{who} runs with the SELinux type "{options["type"]}", which the standard does not allow'
            place: Path = (*path, "seLinuxOptions", "type")
            yield Violation(manifest=pod.manifest, path=place, message=says, edits=_taken_out(place, prune=1))
        for field in ("user", "role"):
            if options.get(field):
                says = f"{who} sets an SELinux {field} of its own"
                place = (*path, "seLinuxOptions", field)
                yield Violation(manifest=pod.manifest, path=place, message=says, edits=_taken_out(place, prune=1))


def proc_mount(container: Container, context: Context) -> Iterator[Violation]:
    """check_procMount_baseline.go: since 1.35 a pod with a user namespace may have /proc unmasked."""
    if context.minor < _USER_NAMESPACES_SINCE or container.pod.body.get("hostUsers") is not False:
        yield from _unmasked(container)


def proc_mount_restricted(container: Container, context: Context) -> Iterator[Violation]:
    """check_procMount_restricted.go; where the baseline control holds as well, that one speaks."""
    if context.minor >= _USER_NAMESPACES_SINCE and container.pod.body.get("hostUsers") is False:
        yield from _unmasked(container)


def host_ports(container: Container, context: Context) -> Iterator[Violation]:
    """check_hostPorts.go; `params.allowed` names ports (`8080`, `5000-6000`) that a cluster has set aside for pods."""
    for index, port in entries(container.body, "ports"):
        number = whole(port, "hostPort")
        if number and not any(_within(number, allowed) for allowed in context.params["allowed"]):
            says = f"{container} takes port {number} of its node"
            path = (*container.path, "ports", index, "hostPort")
            yield Violation(manifest=container.manifest, path=path, message=says, edits=_taken_out(path))


def sysctls(pod: Pod, context: Context) -> Iterator[Violation]:
    """check_sysctls.go."""
    allowed = _until(context.params["allowed"], context.minor)
    for index, sysctl in entries(pod.body, _CONTEXT, "sysctls"):
        name = text(sysctl, "name")
        if name not in allowed:
            path = (*pod.path, _CONTEXT, "sysctls", index, "name")
            says = f"{pod} sets the sysctl {name}, which is not one of those known to be safe"
            yield Violation(manifest=pod.manifest, path=path, message=says, edits=_taken_out(path[:-1], prune=1))


def host_process(pod: Pod, context: Context) -> Iterator[Violation]:
    """check_windowsHostProcess.go."""
    for path, who, security in _speakers(pod):
        if at(security, "windowsOptions", "hostProcess") is True:
            says = f"{who} runs as a process of its Windows node"
            place: Path = (*path, "windowsOptions", "hostProcess")
            yield Violation(manifest=pod.manifest, path=place, message=says, edits=_taken_out(place, prune=1))


def host_probe(container: Container, context: Context) -> Iterator[Violation]:
    """check_hostProbesAndhostLifecycle.go."""
    if context.minor < 34:
        return
    lifecycle = mapping(container.body, "lifecycle")
    handlers: list[tuple[tuple[str, ...], Mapping[str, Any]]] = [
        ((probe,), mapping(container.body, probe)) for probe in _PROBES if probe in container.body
    ]
    handlers += [(("lifecycle", hook), mapping(lifecycle, hook)) for hook in ("postStart", "preStop") if hook in lifecycle]
    for place, handler in handlers:
        for action in ("httpGet", "tcpSocket"):
            if host := text(handler, action, "host"):
                path = (*container.path, *place, action, "host")
                says = f"{container}: {place[-1]} asks the host {host} and not the container, from the node's own network"
                yield Violation(manifest=container.manifest, path=path, message=says, edits=_taken_out(path))


def volume_types(pod: Pod, context: Context) -> Iterator[Violation]:
    """check_restrictedVolumes.go; a hostPath volume is said by the baseline control."""
    allowed = context.params["allowed"]
    for index, volume in entries(pod.body, "volumes"):
        kinds = [key for key, value in volume.items() if key != "name" and value is not None]
        if kinds and "hostPath" not in kinds and not any(kind in allowed for kind in kinds):
            says = f'{pod}: volume "{text(volume, "name")}" is of the type {kinds[0]}, which the restricted standard does not allow'
            yield Violation(manifest=pod.manifest, path=(*pod.path, "volumes", index, kinds[0]), message=says)


def _taken_out(path: Path, *, prune: int = 0) -> tuple[Edit, ...]:
    return (Edit(path=path, operation=Operation.REMOVE, prune=prune),)


def _default_profile(pod: Pod, path: Path, says: str) -> Violation:
    return Violation(manifest=pod.manifest, path=path, message=says, edits=(Edit(path=path, value="RuntimeDefault"),))


def _within(number: int, ports: str) -> bool:
    first, _, last = ports.partition("-")
    return first.isdigit() and int(first) <= number <= (int(last) if last.isdigit() else int(first))


def _speakers(pod: Pod) -> Iterator[tuple[Path, Pod | Container, Mapping[str, Any]]]:
    """Every securityContext of the pod, its own first, with whose it is; empty where none is written."""
    yield (*pod.path, _CONTEXT), pod, mapping(pod.body, _CONTEXT)
    for container in containers_of(pod):
        yield (*container.path, _CONTEXT), container, mapping(container.body, _CONTEXT)


def _added(container: Container) -> Iterator[tuple[Path, str]]:
    added = at(container.body, _CONTEXT, "capabilities", "add")
    for index, name in enumerate(added if isinstance(added, list) else ()):
        yield (*container.path, _CONTEXT, "capabilities", "add", index), str(name)


def _spared(pod: Pod, context: Context) -> bool:
    return context.minor >= _WINDOWS_SINCE and text(pod.body, "os", "name") == "windows"


def _escalates_anyway(container: Container) -> bool:
    if at(container.body, _CONTEXT, "privileged") is True:
        return True
    return any(name in _ESCALATING for _, name in _added(container))


def _has_profile(security: Mapping[str, Any]) -> bool:
    """Also when it is a wrong one."""
    return isinstance(security.get("seccompProfile"), dict)


def _seccomp_annotations(pod: Pod) -> Iterator[Violation]:
    annotations = mapping(pod.metadata, "annotations")
    keys = [_SECCOMP_ANNOTATION, *(_SECCOMP_ANNOTATION_OF + text(c.body, "name") for c in containers_of(pod))]
    for key in keys:
        value = annotations.get(key, "runtime/default")
        if value not in ("runtime/default", "docker/default") and not str(value).startswith("localhost/"):
            says = f'{pod} asks for the seccomp profile "{value}" by annotation, which confines it to nothing'
            place = (*pod.template, "metadata", "annotations", key)
            yield Violation(manifest=pod.manifest, path=place, message=says, edits=_taken_out(place, prune=1))


def _unmasked(container: Container) -> Iterator[Violation]:
    kind = at(container.body, _CONTEXT, "procMount")
    if kind not in (None, "Default"):
        says = f"{container} gets /proc with procMount {kind}, so it sees what the runtime hides from containers"
        path = (*container.path, _CONTEXT, "procMount")
        yield Violation(manifest=container.manifest, path=path, message=says, edits=_taken_out(path, prune=1))


def _until(by_version: Mapping[str, Any], minor: int) -> list[str]:
    """What the versions up to `minor` have allowed: each adds to the ones before."""
    return [name for since, names in by_version.items() if int(since) <= minor for name in names]
