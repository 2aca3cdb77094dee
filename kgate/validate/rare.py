"""Kinds that few repositories hold: their rules are read when the first of them comes."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping

from kgate.manifest import Path
from kgate.validate import addresses, devices, flowcontrol, formats, pod, sources
from kgate.validate.cause import Body, Causes, duplicate, forbidden, invalid, not_supported, part, required, strings, text
from kgate.validate.gates import Gates

_SPEC: Path = ("spec",)
_EITHER = "must specify exactly one of inlineVolumeSpec and persistentVolumeName"
_REQUEST = re.compile(rb"(?:^|\n)-----BEGIN CERTIFICATE REQUEST-----")
_USAGES = (
    "any", "cert sign", "client auth", "code signing", "content commitment", "crl sign", "data encipherment", "decipher only",
    "digital signature", "email protection", "encipher only", "ipsec end system", "ipsec tunnel", "ipsec user", "key agreement",
    "key encipherment", "microsoft sgc", "netscape sgc", "ocsp signing", "s/mime", "server auth", "signing", "timestamping",
)  # fmt: skip
_SHORTEST = 600
_FAMILIES = "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64"
_NUMBER = r"(?:0|[1-9][0-9]*)"
_SEMVER = re.compile(
    rf"({_NUMBER})\.({_NUMBER})\.({_NUMBER})"
    rf"(-(?:{_NUMBER}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)(?:\.(?:{_NUMBER}|[0-9]*[A-Za-z-][0-9A-Za-z-]*))*)?"
    r"(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
).fullmatch


def pod_template(body: Body, on: Gates) -> Causes:
    """pkg/apis/core/validation/validation.go:ValidatePodTemplate."""
    yield from pod.template(part(body, "template"), ("template",), on)


def volume_attachment(body: Body, _: Gates) -> Causes:
    """pkg/apis/storage/validation/validation.go. What an inline volume says is not looked into."""
    spec, at = part(body, "spec"), (*_SPEC, "source")
    yield from sources.driver(text(spec, "attacher"), (*_SPEC, "attacher"))
    source = part(spec, "source")
    inline, name = source.get("inlineVolumeSpec"), source.get("persistentVolumeName")
    if inline is None and name is None:
        yield required(at, _EITHER)
    elif inline is not None and name is not None:
        yield forbidden(at, _EITHER)
    elif name == "":
        yield required((*at, "persistentVolumeName"), "must specify non empty persistentVolumeName")
    for where, value in (((*at, "persistentVolumeName"), name), ((*_SPEC, "nodeName"), text(spec, "nodeName"))):
        for fault in formats.dns1123_subdomain(value) if value is not None else ():
            yield invalid(where, value, fault)


def certificate_signing_request(body: Body, _: Gates) -> Causes:
    """pkg/apis/certificates/validation/validation.go. The request itself is only known by its first line."""
    spec = part(body, "spec")
    if not _is_request(spec.get("request")):
        detail = "PEM block type must be CERTIFICATE REQUEST"
        yield invalid((*_SPEC, "request"), spec.get("request"), detail)
    if not spec.get("usages"):
        yield required((*_SPEC, "usages"))
    taken: set[str] = set()
    for at, usage in strings(spec, "usages", _SPEC):
        if usage not in _USAGES:
            yield not_supported(at, usage, _USAGES)
        if usage in taken:
            yield duplicate(at, usage)
        taken.add(usage)
    yield from _signer(text(spec, "signerName"), (*_SPEC, "signerName"))
    if (seconds := spec.get("expirationSeconds")) is not None and seconds < _SHORTEST:
        detail = "may not specify a duration less than 600 seconds (10 minutes)"
        yield invalid((*_SPEC, "expirationSeconds"), seconds, detail)


def _is_request(value: object) -> bool:
    if not isinstance(value, str):
        return value is not None  # a list of numbers: not looked into
    try:
        return bool(_REQUEST.search(base64.b64decode(value)))
    except (binascii.Error, ValueError):
        return True  # the schema says what is wrong with it


def _signer(name: str, path: Path) -> Causes:
    """pkg/apis/core/validation/names.go:ValidateSignerName, as far as it is certain."""
    if not name:
        yield required(path)
    elif name == "kubernetes.io/legacy-unknown":
        yield invalid(path, name, "the legacy signerName is not allowed via this API version")
    elif name.count("/") != 1:
        yield invalid(path, name, "must be a fully qualified domain and path of the form 'example.com/signer-name'")
    else:
        for fault in formats.dns1123_subdomain(name.partition("/")[0]):
            yield invalid(path, name.partition("/")[0], fault)


def lease_candidate(body: Body, _: Gates) -> Causes:
    """pkg/apis/coordination/validation/validation.go."""
    spec = part(body, "spec")
    if not text(spec, "leaseName"):
        yield required((*_SPEC, "leaseName"))
    emulated, binary = (_SEMVER(text(spec, name)) for name in ("emulationVersion", "binaryVersion"))
    for name, version in (("emulationVersion", emulated), ("binaryVersion", binary)):
        if text(spec, name) and version is None:
            yield invalid((*_SPEC, name), text(spec, name), "must be a valid semantic version")
    if not text(spec, "binaryVersion"):
        yield required((*_SPEC, "binaryVersion"))
    elif binary and emulated and _release(binary) < _release(emulated):
        yield invalid((*_SPEC, "binaryVersion"), text(spec, "binaryVersion"), "must be greater than or equal to `emulationVersion`")
    strategy = text(spec, "strategy")
    if not strategy:
        yield required((*_SPEC, "strategy"))
    elif "/" not in strategy and strategy != "OldestEmulationVersion":
        yield not_supported((*_SPEC, "strategy"), strategy, ["OldestEmulationVersion"], at=(*_SPEC, "strategy", "strategy"))
    elif strategy == "OldestEmulationVersion" and not text(spec, "emulationVersion"):
        detail = "must be specified when `strategy` is 'OldestEmulationVersion'"
        yield required((*_SPEC, "emulationVersion"), detail)


def _release(found: re.Match[str]) -> tuple[int, ...]:
    return tuple(map(int, found.group(1, 2, 3)))


def ip_address(body: Body, _: Gates) -> Causes:
    """pkg/apis/networking/validation/validation.go."""
    reference, path = part(body, "spec").get("parentRef"), (*_SPEC, "parentRef")
    if reference is None:
        yield required(path)
        return
    group = text(reference, "group")
    for fault in formats.dns1123_subdomain(group) if group else ():
        yield invalid((*path, "group"), group, fault)
    for name in ("resource", "name", "namespace"):
        value = text(reference, name)
        if not value and name != "namespace":
            yield required((*path, name))
        for fault in formats.path_segment(value) if value else ():
            yield invalid((*path, name), value, fault)


def service_cidr(body: Body, _: Gates) -> Causes:
    spec, path = part(body, "spec"), (*_SPEC, "cidrs")
    cidrs = list(strings(spec, "cidrs", _SPEC))
    if not cidrs:
        yield required(path, "at least one CIDR required")
    elif len(cidrs) > 2:
        yield invalid(path, spec, "may only hold up to 2 values")
    else:
        networks = [addresses.network(cidr) for _, cidr in cidrs]
        for (at, cidr), network in zip(cidrs, networks, strict=True):
            if network is None:
                yield invalid(at, cidr, "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)")
        families = [network.version for network in networks if network is not None]
        if len(families) == 2 and families[0] == families[1]:
            yield invalid(path, [cidr for _, cidr in cidrs], _FAMILIES)


_FLOW, _DEVICES = "flowcontrol.apiserver.k8s.io", "resource.k8s.io"

CREATE: Mapping[tuple[str, str], Callable[[Body, Gates], Causes]] = {
    ("", "PodTemplate"): pod_template,
    ("certificates.k8s.io", "CertificateSigningRequest"): certificate_signing_request,
    ("coordination.k8s.io", "LeaseCandidate"): lease_candidate,
    (_FLOW, "FlowSchema"): flowcontrol.flow_schema,
    (_FLOW, "PriorityLevelConfiguration"): flowcontrol.priority_level_configuration,
    ("networking.k8s.io", "IPAddress"): ip_address,
    ("networking.k8s.io", "ServiceCIDR"): service_cidr,
    (_DEVICES, "DeviceClass"): devices.device_class,
    (_DEVICES, "ResourceClaim"): devices.claim,
    (_DEVICES, "ResourceClaimTemplate"): devices.claim_template,
    ("storage.k8s.io", "VolumeAttachment"): volume_attachment,
}
