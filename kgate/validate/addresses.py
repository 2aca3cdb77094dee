"""IP addresses as the server has always read them (apimachinery pkg/util/validation/ip.go)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kgate.manifest import Path
from kgate.validate.cause import Causes, invalid
from kgate.validate.gates import Gates

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

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


def legacy_cidr(value: str, path: Path, on: Gates, *, at: Path = ()) -> Causes:
    """A network as servers before StrictIPCIDRValidation took it, zeros in front and bits behind the prefix included."""
    found = network(value)
    if found is None:
        yield invalid(path, value, "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)", at=at)
    elif "StrictIPCIDRValidation" in on:
        address, _, prefix = value.partition("/")
        if _LEADING_ZERO(address) or (prefix != "0" and prefix.startswith("0")):
            yield invalid(path, value, "must not have leading 0s in IP or prefix length", at=at)
        elif ":" in value and _is_mapped(address):
            yield invalid(path, value, "must not have an IPv4-mapped IPv6 address", at=at)
        elif parsed(address) != found.network_address:
            yield invalid(path, value, "must not have bits set beyond the prefix length", at=at)


def network(value: str) -> IPv4Network | IPv6Network | None:
    """Go's ParseCIDRSloppy: None when the text is no network."""
    from ipaddress import ip_network

    address, slash, prefix = value.partition("/")
    if not slash or not is_ip(address) or not (prefix.isascii() and prefix.isdigit()) or len(prefix) > 9:
        return None
    if int(prefix) > (128 if ":" in address else 32):
        return None
    return ip_network((parsed(address), int(prefix)), strict=False)


def parsed(value: str) -> IPv4Address | IPv6Address:
    """What is_ip takes, zeros in front ignored."""
    from ipaddress import IPv4Address, IPv6Address

    if ":" in value:
        return IPv6Address(value)
    return IPv4Address(".".join(str(int(part)) for part in value.split(".")))


def canonical_ip(value: str, path: Path) -> Causes:
    """IsValidIP, for fields that have always been strict."""
    strict = tuple(legacy_ip(value, path, frozenset({"StrictIPCIDRValidation"})))
    yield from strict
    if not strict and value != (canonical := str(parsed(value))):
        yield invalid(path, value, f'must be in canonical form ("{canonical}")')


def unmapped(value: str) -> IPv4Address | IPv6Address:
    """What is_ip takes; IPv4 written as IPv6 is IPv4, as Go has it."""
    found = parsed(value)
    mapped: IPv4Address | None = getattr(found, "ipv4_mapped", None)
    return mapped or found
