"""Addresses and networks (apiserver pkg/cel/library/{ip,cidr}.go, Go's net/netip)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, ClassVar

from kgate.cel.faults import EvaluationError, no_overload
from kgate.cel.function import Function, walked

Address = IPv4Address | IPv6Address
_V4 = re.compile(r"(?:0|[1-9][0-9]{0,2})(?:\.(?:0|[1-9][0-9]{0,2})){3}", re.ASCII).fullmatch
_BITS = re.compile(r"0|[1-9][0-9]{0,2}", re.ASCII).fullmatch
_LONGEST = 64


@dataclass(frozen=True, slots=True)
class IP:
    type_name: ClassVar[str] = "net.IP"
    address: Address

    def canonical(self) -> str:
        return str(self.address)


@dataclass(frozen=True, slots=True)
class CIDR:
    """The bits of the host stay: two networks are equal when these are."""

    type_name: ClassVar[str] = "net.CIDR"
    address: Address
    bits: int

    def canonical(self) -> str:
        return f"{self.address}/{self.bits}"

    @property
    def network(self) -> int:
        """The bits that all its addresses share."""
        return int(self.address) >> (self.address.max_prefixlen - self.bits)


def address_of(text: Any) -> Address | None:
    """netip.ParseAddr, without zones and without IPv4 in the clothes of IPv6."""
    if text.__class__ is not str:
        raise no_overload()
    if len(text) > _LONGEST or "%" in text or not (_V4(text) or ":" in text):
        return None
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return None if isinstance(found, IPv6Address) and found.ipv4_mapped is not None else found


def cidr_of(text: Any) -> CIDR | None:
    """netip.ParsePrefix."""
    if text.__class__ is not str:
        raise no_overload()
    address, slash, bits = text.partition("/")
    found = address_of(address)
    if not slash or found is None or not _BITS(bits) or int(bits) > found.max_prefixlen:
        return None
    return CIDR(found, int(bits))


def _ip(value: Any) -> IP:
    if type(value) is CIDR:
        return IP(value.address)
    found = address_of(value)
    if found is None:
        raise EvaluationError(f'IP Address "{value}" parse error during conversion from string: ParseAddr("{value}"): unable to parse IP')
    return IP(found)


def _cidr(text: Any) -> CIDR:
    found = cidr_of(text)
    if found is None:
        raise EvaluationError(f'network address parse error during conversion from string: netip.ParsePrefix("{text}")')
    return found


def _contains_ip(network: CIDR, value: Any) -> bool:
    address = value.address if type(value) is IP else _ip(value).address
    return address.version == network.address.version and CIDR(address, network.bits).network == network.network


def _contains_cidr(network: CIDR, value: Any) -> bool:
    inner = value if type(value) is CIDR else _cidr(value)
    return inner.bits >= network.bits and _contains_ip(network, IP(inner.address))


def _masked(network: CIDR) -> CIDR:
    host = network.address.max_prefixlen - network.bits
    return CIDR(type(network.address)(network.network << host), network.bits)


def _link_local_multicast(address: Address) -> bool:
    packed = address.packed
    return packed[:3] == b"\xe0\x00\x00" if address.version == 4 else packed[0] == 0xFF and packed[1] & 0x0F == 2


def _global_unicast(address: Address) -> bool:
    """Private addresses are."""
    broadcast = address.version == 4 and address.packed == b"\xff\xff\xff\xff"
    return not (broadcast or address.is_unspecified or address.is_loopback or address.is_multicast or address.is_link_local)


def _asked(asks: Callable[[Address], bool]) -> Function:
    return Function(lambda ip: bool(asks(_of(ip))), (1,))


def _of(ip: Any) -> Address:
    if type(ip) is not IP:
        raise no_overload()
    return ip.address


FUNCTIONS: Mapping[str, Function] = {
    "isIP": Function(lambda text: address_of(text) is not None, (1,), walked),
    "ip": Function(_ip, (1,), walked),
    "ip.isCanonical": Function(lambda text: _ip(text).canonical() == text, (1,), walked),
    "family": Function(lambda ip: _of(ip).version, (1,)),
    "isUnspecified": _asked(lambda a: a.is_unspecified),
    "isLoopback": _asked(lambda a: a.is_loopback),
    "isLinkLocalMulticast": _asked(_link_local_multicast),
    "isLinkLocalUnicast": _asked(lambda a: a.is_link_local),
    "isGlobalUnicast": _asked(_global_unicast),
    "isCIDR": Function(lambda text: cidr_of(text) is not None, (1,), walked),
    "cidr": Function(_cidr, (1,), walked),
    "containsIP": Function(_contains_ip, (2,), walked),
    "containsCIDR": Function(_contains_cidr, (2,), walked),
    "masked": Function(_masked, (1,)),
    "prefixLength": Function(lambda network: network.bits, (1,)),
}
