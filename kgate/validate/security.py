"""Security contexts of pods and containers (validatePodSpecSecurityContext, ValidateSecurityContext)."""

from __future__ import annotations

import re

from kgate.manifest import Path
from kgate.validate import formats, paths, windows
from kgate.validate.cause import Body, Causes, duplicate, invalid, items, not_supported, required, text, too_long
from kgate.validate.gates import Gates

_MAX_ID = 2**31 - 1
_PROFILES = ("Localhost", "RuntimeDefault", "Unconfined")
_SEGMENT = "[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_SYSCTL = rf"({_SEGMENT}[\./])*{_SEGMENT}"
_IS_SYSCTL = re.compile(_SYSCTL).fullmatch
_POD_CHOICES = (
    ("fsGroupChangePolicy", "", ("Always", "OnRootMismatch")),
    ("supplementalGroupsPolicy", "SupplementalGroupsPolicy", ("Merge", "Strict")),
    ("seLinuxChangePolicy", "SELinuxChangePolicy", ("MountOption", "Recursive")),
)


def pod(spec: Body, path: Path, on: Gates) -> Causes:
    context = spec.get("securityContext") or {}
    path = (*path, "securityContext")
    yield from _ids(context, ("fsGroup", "runAsUser", "runAsGroup"), path)
    for i, group in enumerate(context.get("supplementalGroups") or ()):
        for fault in formats.between(group or 0, 0, _MAX_ID):
            yield invalid((*path, "supplementalGroups", i), group, fault)
    if context.get("shareProcessNamespace") is not None and spec.get("hostPID") and context["shareProcessNamespace"]:
        yield invalid((*path, "shareProcessNamespace"), True, "ShareProcessNamespace and HostPID cannot both be enabled")
    yield from _sysctls(context, path)
    for name, gate, valid in _POD_CHOICES:
        if (not gate or gate in on) and (value := context.get(name)) is not None and value not in valid:
            yield not_supported((*path, name), value, valid)
    yield from _profiles(context, path)
    yield from windows.options(context, path)


def container(context: Body, path: Path, on: Gates, *, host_users: bool) -> Causes:
    yield from _ids(context, ("runAsUser", "runAsGroup"), path)
    if "ProcMountType" in on and (mount := context.get("procMount")) is not None:
        if mount not in ("Default", "Unmasked"):
            yield not_supported((*path, "procMount"), mount, ["Default", "Unmasked"])
        if host_users and mount == "Unmasked":
            yield invalid((*path, "procMount"), mount, "`hostUsers` must be false to use `Unmasked`")
    yield from _profiles(context, path)
    yield from windows.options(context, path)
    if context.get("allowPrivilegeEscalation") is False:
        if context.get("privileged"):
            yield invalid(path, context, "cannot set `allowPrivilegeEscalation` to false and `privileged` to true")
        if "CAP_SYS_ADMIN" in ((context.get("capabilities") or {}).get("add") or ()):
            yield invalid(path, context, "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN")


def _ids(context: Body, names: tuple[str, ...], path: Path) -> Causes:
    for name in names:
        if (value := context.get(name)) is not None:
            for fault in formats.between(value, 0, _MAX_ID):
                yield invalid((*path, name), value, fault)


def _sysctls(context: Body, path: Path) -> Causes:
    taken: set[str] = set()
    for at, sysctl in items(context, "sysctls", path):
        name = text(sysctl, "name")
        if not name:
            yield required((*at, "name"))
        elif len(name) > 253 or not _IS_SYSCTL(name):
            yield invalid((*at, "name"), name, f"must have at most 253 characters and match regex ^{_SYSCTL}$")
        elif name in taken:
            yield duplicate((*at, "name"), name)
        taken.add(name)


def _profiles(context: Body, path: Path) -> Causes:
    if (seccomp := context.get("seccompProfile")) is not None:
        yield from _seccomp(seccomp, (*path, "seccompProfile"))
    if (app_armor := context.get("appArmorProfile")) is not None:
        yield from _app_armor(app_armor, (*path, "appArmorProfile"))


def _type(profile: Body, path: Path, what: str) -> Causes:
    kind = text(profile, "type")
    if not kind:
        yield required((*path, "type"), f"type is required when {what} is set")
    elif kind not in _PROFILES:
        yield not_supported((*path, "type"), kind, _PROFILES)


def _seccomp(profile: Body, path: Path) -> Causes:
    yield from _type(profile, path, "seccompProfile")
    local = profile.get("localhostProfile")
    if text(profile, "type") != "Localhost":
        if local is not None:
            yield invalid((*path, "localhostProfile"), profile, "can only be set when seccomp type is Localhost")
    elif local is None:
        yield required((*path, "localhostProfile"), "must be set when seccomp type is Localhost")
    else:
        yield from paths.descending(local, (*path, "localhostProfile"))


def _app_armor(profile: Body, path: Path) -> Causes:
    yield from _type(profile, path, "appArmorProfile")
    kind, local, path = text(profile, "type"), profile.get("localhostProfile"), (*path, "localhostProfile")
    if kind == "Localhost":
        if local is None or local == "":
            yield required(path, "must be set when AppArmor type is Localhost")
        elif local != local.strip():
            yield invalid(path, local, "must not be padded with whitespace")
        elif len(local) > 4095:
            yield too_long(path, 4095)
    elif kind in _PROFILES and local is not None:
        yield invalid(path, local, "can only be set when AppArmor type is Localhost")
