"""IP addresses as the server has always read them (apimachinery pkg/util/validation/ip.go)."""

from __future__ import annotations

import re

from kgate.manifest import Path
from kgate.validate.cause import Causes, invalid
from kgate.validate.gates import Gates

_LEADING_ZERO = re.compile(r"(?:[0-9]+\.)*0[0-9]+(?:\.[0-9]+)*").fullmatch
_V4 = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,12}){3}").fullmatch


def legacy_ip(value: str, path: Path, on: Gates, *, at: Path = ()) -> Causes:
    """Servers before StrictIPCIDRValidation take zeros in front of the parts of an IPv4 address, and IPv4 written as IPv6."""
    if not is_ip(value):
        yield invalid(path, value, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)", at=at)
    elif "StrictIPCIDRValidation" in on:
        if _LEADING_ZERO(value):
            yield invalid(path, value, "must not have leading 0s", at=at)
        if ":" in value and _is_mapped(value):
            yield invalid(path, value, "must not be an IPv4-mapped IPv6 address", at=at)


def is_ip(value: str) -> bool:
    if _V4(value):
        return all(int(part) <= 255 for part in value.split("."))
    return ":" in value and "%" not in value and _is_v6(value)


def _is_mapped(value: str) -> bool:
    from ipaddress import IPv6Address

    return IPv6Address(value).ipv4_mapped is not None


def _is_v6(value: str) -> bool:
    from ipaddress import AddressValueError, IPv6Address

    try:
        IPv6Address(value)
    except AddressValueError:
        return False
    return True
