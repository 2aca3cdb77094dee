"""Functions of the server's CEL library that the engine lacks: lists, addresses, quantities (apiserver pkg/cel/library/*.go).

A value of a type of its own is a map with one entry: what it is, and its one spelling, so that equal values are equal. What is no such
value raises: the expression then counts as not evaluated, where the server tells an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from itertools import pairwise
from typing import Any

from kgate.validate import quantity

Value = Mapping[str, str]

_V4 = re.compile(r"(?:0|[1-9][0-9]{0,2})(?:\.(?:0|[1-9][0-9]{0,2})){3}").fullmatch
_BITS = re.compile(r"0|[1-9][0-9]{0,2}").fullmatch
_QUANTITY = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[KMGTPE]i|[eE][+-]?[0-9]{1,3}|[numkMGTPE]?)", re.ASCII).fullmatch
_LONG = 60


def all_of(cel: Any) -> list[Any]:
    return [*_lists(cel), *_texts(cel), *_quantities(cel), *_addresses(cel)]


def _lists(cel: Any) -> list[Any]:
    t, of = cel.Type, cel.Type.List(cel.Type.DYN)
    made: Mapping[str, tuple[Any, Any]] = {
        "isSorted": (t.BOOL, _is_sorted),
        "sum": (t.DYN, _sum),
        "min": (t.DYN, lambda items: min(_alike(items))),
        "max": (t.DYN, lambda items: max(_alike(items))),
    }
    return [cel.FunctionDecl(name, [cel.Overload(f"list_{name}", kind, [of], True, impl)]) for name, (kind, impl) in made.items()]


def _texts(cel: Any) -> list[Any]:
    t = cel.Type
    asked = {"isIP": _is_ip, "isCIDR": _is_cidr, "isQuantity": lambda text: _sized(text) is not None}
    return [cel.FunctionDecl(name, [cel.Overload(f"text_{name}", t.BOOL, [t.STRING], False, i)]) for name, i in asked.items()]


# Quantities: compared and added, but not told as numbers, which depends on how they were written.


def _quantities(cel: Any) -> list[Any]:
    t, of = cel.Type, cel.Type.Map(cel.Type.STRING, cel.Type.DYN)
    both: Mapping[str, tuple[Any, Callable[[int, int], Any]]] = {
        "isLessThan": (t.BOOL, lambda a, b: a < b),
        "isGreaterThan": (t.BOOL, lambda a, b: a > b),
        "compareTo": (t.INT, lambda a, b: (a > b) - (a < b)),
    }
    found = [cel.FunctionDecl("quantity", [cel.Overload("text_quantity", t.DYN, [t.STRING], False, _quantity)])]
    found += [
        cel.FunctionDecl(name, [cel.Overload(f"quantity_{name}", kind, [of, of], True, lambda a, b, do=do: do(_nano(a), _nano(b)))])
        for name, (kind, do) in both.items()
    ]
    sign = cel.Overload("quantity_sign", t.INT, [of], True, lambda a: (_nano(a) > 0) - (_nano(a) < 0))
    sums = {"add": 1, "sub": -1}
    found.append(cel.FunctionDecl("sign", [sign]))
    return found + [
        cel.FunctionDecl(
            name,
            [
                cel.Overload(f"quantity_{name}", t.DYN, [of, of], True, lambda a, b, by=by: _of(_nano(a) + by * _nano(b))),
                cel.Overload(f"quantity_{name}_int", t.DYN, [of, t.INT], True, lambda a, b, by=by: _of(_nano(a) + by * b * quantity.NANO)),
            ],
        )
        for name, by in sums.items()
    ]


def _sized(text: str) -> int | None:
    """Billionths; None for what is no quantity. Raises for what the server rounds or cuts."""
    if len(text) > _LONG:
        raise ValueError("a quantity that is very long")
    if not _QUANTITY(text):
        return None
    size = quantity.nano(text)
    fraction = text.partition(".")[2]
    if abs(size) >= quantity.MAX or sum(c.isdigit() for c in fraction) > 3 or text.endswith(("n", "u")) or re.search(r"[eE]-", text):
        raise ValueError("a quantity that is very large or very fine")
    return size


def _quantity(text: str) -> Value:
    size = _sized(text)
    if size is None:
        raise ValueError("no quantity")
    return _of(size)


def _of(size: int) -> Value:
    if abs(size) >= quantity.MAX:
        raise OverflowError("a quantity that is very large")
    return {"quantity": str(size)}


def _nano(value: Value) -> int:
    return int(value["quantity"])


# Addresses and networks.


def _addresses(cel: Any) -> list[Any]:
    t, of = cel.Type, cel.Type.Map(cel.Type.STRING, cel.Type.DYN)
    asked: Mapping[str, Callable[[IPv4Address | IPv6Address], Any]] = {
        "isUnspecified": lambda a: a.is_unspecified,
        "isLoopback": lambda a: a.is_loopback,
        "isLinkLocalMulticast": _is_link_local_multicast,
        "isLinkLocalUnicast": lambda a: a.is_link_local,
        "isGlobalUnicast": _is_global_unicast,
    }
    address = [
        cel.FunctionDecl(name, [cel.Overload(f"ip_{name}", t.BOOL, [of], True, lambda v, do=do: bool(do(_address(v))))])
        for name, do in asked.items()
    ]
    plain: Mapping[str, tuple[Any, list[tuple[str, list[Any], bool, Any]]]] = {
        "family": (t.INT, [("ip_family", [of], True, lambda v: _address(v).version)]),
        "ip": (
            t.DYN,
            [("text_ip", [t.STRING], False, _ip), ("cidr_ip", [of], True, lambda v: {"ip": str(ip_address(v["cidr"].partition("/")[0]))})],
        ),
        "cidr": (t.DYN, [("text_cidr", [t.STRING], False, _cidr)]),
        "prefixLength": (t.INT, [("cidr_length", [of], True, lambda v: _network(v).prefixlen)]),
        "masked": (t.DYN, [("cidr_masked", [of], True, lambda v: {"cidr": str(_network(v))})]),
        "containsIP": (
            t.BOOL,
            [
                ("cidr_ip_in", [of, of], True, lambda v, other: _address(other) in _network(v)),
                ("cidr_text_in", [of, t.STRING], True, lambda v, other: _address(_ip(other)) in _network(v)),
            ],
        ),
        "containsCIDR": (
            t.BOOL,
            [
                ("cidr_cidr_in", [of, of], True, lambda v, other: _within(_network(other), _network(v))),
                ("cidr_cidr_text_in", [of, t.STRING], True, lambda v, other: _within(_network(_cidr(other)), _network(v))),
            ],
        ),
    }
    return address + [
        cel.FunctionDecl(name, [cel.Overload(id_, kind, args, member, impl) for id_, args, member, impl in overloads])
        for name, (kind, overloads) in plain.items()
    ]


def _ip(text: str) -> Value:
    if not _is_ip(text):
        raise ValueError("no address")
    return {"ip": str(ip_address(text))}


def _cidr(text: str) -> Value:
    """The bits of the host stay: two networks are equal when these are."""
    if not _is_cidr(text):
        raise ValueError("no network")
    address, _, bits = text.partition("/")
    return {"cidr": f"{ip_address(address)}/{bits}"}


def _address(value: Value) -> IPv4Address | IPv6Address:
    return ip_address(value["ip"])


def _network(value: Value) -> IPv4Network | IPv6Network:
    return ip_network(value["cidr"], strict=False)


def _within(inner: IPv4Network | IPv6Network, outer: IPv4Network | IPv6Network) -> bool:
    return inner.version == outer.version and outer.prefixlen <= inner.prefixlen and inner.network_address in outer


def _is_link_local_multicast(address: IPv4Address | IPv6Address) -> bool:
    """netip.Addr.IsLinkLocalMulticast."""
    packed = address.packed
    return packed[:3] == b"\xe0\x00\x00" if address.version == 4 else packed[0] == 0xFF and packed[1] & 0x0F == 2


def _is_global_unicast(address: IPv4Address | IPv6Address) -> bool:
    """netip.Addr.IsGlobalUnicast: private addresses are."""
    broadcast = address.version == 4 and address.packed == b"\xff\xff\xff\xff"
    return not (broadcast or address.is_unspecified or address.is_loopback or address.is_multicast or address.is_link_local)


def _is_sorted(items: list[Any]) -> bool:
    return all(a <= b for a, b in pairwise(_alike(items))) if items else True


def _sum(items: list[Any]) -> Any:
    total = sum(_alike(items))
    if isinstance(total, int) and not -(2**63) <= total < 2**63:
        raise OverflowError("integer overflow")
    return total


def _is_ip(value: str) -> bool:
    """netip.ParseAddr, without zones and without IPv4 in the clothes of IPv6."""
    if _V4(value):
        return all(int(part) <= 255 for part in value.split("."))
    if ":" not in value or "%" in value:
        return False
    try:
        return IPv6Address(value).ipv4_mapped is None
    except ValueError:
        return False


def _is_cidr(value: str) -> bool:
    """netip.ParsePrefix."""
    address, slash, bits = value.partition("/")
    if not slash or not _BITS(bits) or not _is_ip(address):
        return False
    return int(bits) <= (128 if ":" in address else 32)


def _alike(items: list[Any]) -> list[Any]:
    """Numbers of one type, or texts of ASCII, whose order is the same everywhere."""
    kinds = {type(item) for item in items}
    if len(kinds) != 1 or not kinds <= {int, float, str} or not all(not isinstance(i, str) or i.isascii() for i in items):
        raise ValueError("a list that is empty or of several types")
    return items
