"""Which operating system a pod is for, and what Windows has of its own (validateOS, validateWindows, validateWindowsHostProcessPod)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kgate.manifest import Path
from kgate.validate import formats
from kgate.validate.cause import Body, Causes, forbidden, invalid, items, not_supported, part, required, text

_NOT_OF_WINDOWS = "cannot be set for a windows pod"
_OF_LINUX_PODS = (
    "appArmorProfile", "seLinuxOptions", "seccompProfile", "fsGroup", "fsGroupChangePolicy", "runAsUser", "runAsGroup",
    "supplementalGroups", "supplementalGroupsPolicy", "seLinuxChangePolicy",
)  # fmt: skip
_OF_LINUX_CONTAINERS = (
    "appArmorProfile", "seLinuxOptions", "seccompProfile", "capabilities", "readOnlyRootFilesystem", "privileged",
    "allowPrivilegeEscalation", "procMount", "runAsUser", "runAsGroup",
)  # fmt: skip
_MAX_CREDENTIAL = 64 * 1024
"""Bytes."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]").search
_NET_BIOS = re.compile(r'[^\\/:*?"<>|.][^\\/:*?"<>|]{0,14}').fullmatch
_DNS = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*").fullmatch
_NOT_IN_USERS = re.compile(r'["/\\:;|=,+*?<>@\[\]]').search
_DOTS = re.compile(r"[. ]+").fullmatch


def causes(spec: Body, path: Path) -> Causes:
    """spec.os; the server names it, not the name in it."""
    if (system := spec.get("os")) is None:
        return
    name, at = text(system, "name"), (*path, "os", "name")
    if not name:
        yield required(at)
    elif name == "linux":
        for where, context in _contexts(spec, path):
            if context.get("windowsOptions") is not None:
                yield forbidden((*where, "windowsOptions"), "windows options cannot be set for a linux pod")
    elif name == "windows":
        yield from _windows(spec, path)
    else:
        yield not_supported(at, name, ["linux", "windows"], at=(*path, "os"))


def _contexts(spec: Body, path: Path) -> Iterator[tuple[Path, Body]]:
    yield (*path, "securityContext"), part(spec, "securityContext")
    for kind in ("initContainers", "containers", "ephemeralContainers"):
        for at, container in items(spec, kind, path):
            yield (*at, "securityContext"), part(container, "securityContext")


def _windows(spec: Body, path: Path) -> Causes:
    for name in ("hostUsers", "shareProcessNamespace"):
        if spec.get(name) is not None:
            yield forbidden((*path, name), _NOT_OF_WINDOWS)
    for name in ("hostPID", "hostIPC"):
        if spec.get(name):
            yield forbidden((*path, name), _NOT_OF_WINDOWS)
    for at, context in _contexts(spec, path):
        of_pod = len(at) == len(path) + 1
        for name in _OF_LINUX_PODS if of_pod else _OF_LINUX_CONTAINERS:
            if context.get(name) is not None:
                yield forbidden((*at, name), _NOT_OF_WINDOWS)
        if of_pod and context.get("sysctls"):
            yield forbidden((*at, "sysctls"), _NOT_OF_WINDOWS)


def options(context: Body, path: Path) -> Causes:
    """`path` is that of the security context."""
    if (found := context.get("windowsOptions")) is None:
        return
    path = (*path, "windowsOptions")
    name, credential, user = (found.get(n) for n in ("gmsaCredentialSpecName", "gmsaCredentialSpec", "runAsUserName"))
    for fault in formats.dns1123_subdomain(name) if name is not None else ():
        yield invalid((*path, "gmsaCredentialSpecName"), name, fault)
    if credential == "":
        yield invalid((*path, "gmsaCredentialSpec"), credential, "gmsaCredentialSpec cannot be an empty string")
    elif credential is not None and len(credential.encode("utf-8", "replace")) > _MAX_CREDENTIAL:
        yield invalid((*path, "gmsaCredentialSpec"), credential[:60], "gmsaCredentialSpec size must be under 64 KiB")
    if user is not None:
        for fault in _user_faults(user):
            yield invalid((*path, "runAsUserName"), user, f"runAsUserName{fault}")


def _user_faults(name: str) -> Iterator[str]:
    """`user` or `domain\\user`."""
    domain, backslash, user = name.rpartition("\\")
    if not name:
        yield " cannot be an empty string"
    elif _CONTROL(name):
        yield " cannot contain control characters"
    elif "\\" in domain:
        yield " cannot contain more than one backslash"
    else:
        if len(domain) >= 256:
            yield "'s Domain length must be under 256 characters"
        if backslash and not (_NET_BIOS(domain) or _DNS(domain)):
            yield "'s Domain doesn't match the NetBios nor the DNS format"
        yield from _account_faults(user)


def _account_faults(user: str) -> Iterator[str]:
    if not user:
        yield "'s User cannot be empty"
    if len(user) > 104:
        yield "'s User length must not be longer than 104 characters"
    if _DOTS(user):
        yield "'s User cannot contain only periods or spaces"
    if _NOT_IN_USERS(user):
        yield "'s User cannot contain the following characters: \"/\\:;|=,+*?<>@[]"


def host_processes(spec: Body, path: Path) -> Causes:
    """validateWindowsHostProcessPod: all containers run as processes of a Windows node, or none does."""
    everywhere = _host_process(spec)
    found = [(at, _host_process(c)) for name in ("containers", "initContainers") for at, c in items(spec, name, path)]
    for at, own in found:
        if everywhere is not None and own is not None and own != everywhere:
            detail = f"pod hostProcess value must be identical if both are specified, was {str(everywhere).lower()}"
            yield invalid((*at, "securityContext", "windowsOptions", "hostProcess"), own, detail)
    chosen = [everywhere if own is None else own for _, own in found]
    if any(chosen):
        if not all(chosen):
            yield invalid(path, "", "If pod contains any hostProcess containers then all containers must be HostProcess containers")
        if not spec.get("hostNetwork"):
            yield invalid((*path, "hostNetwork"), False, "hostNetwork must be true if pod contains any hostProcess containers")


def _host_process(body: Body) -> bool | None:
    value = ((body.get("securityContext") or {}).get("windowsOptions") or {}).get("hostProcess")
    return None if value is None else bool(value)
