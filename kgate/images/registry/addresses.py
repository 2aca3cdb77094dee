"""Which addresses may be connected to. A manifest comes from a pull request: its image shall not open doors inside the network.

Names are resolved first, and the connection goes to the address that was looked at: a name that answers differently the second time gains
nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from queue import Empty, SimpleQueue

from msgspec import Struct

from kgate.images.registry.answers import NotChecked

METADATA = frozenset(
    # what tells a cloud's machines who they are, and hands out their credentials; those at link-local addresses are refused as such
    map(ip_address, ("100.100.100.200", "192.0.0.192", "168.63.129.16", "fd00:ec2::254", "fd20:ce::254", "fd00:42::42"))
)
_NAT64 = IPv6Network("64:ff9b::/96")

Address = IPv4Address | IPv6Address


class Door(Struct, frozen=True, kw_only=True):
    """One host and port to connect to, and what is allowed for it."""

    host: str
    port: int
    private: bool = False
    """Somebody who writes settings named this host: it may be at a private or loopback address, never at a forbidden one."""


class Guard(Struct, frozen=True, kw_only=True):
    """What the settings allow."""

    listed: frozenset[str] = frozenset()
    """`host[:port]` that may be at private addresses."""
    networks: tuple[str, ...] = ()
    """Private networks that any host may be in."""

    def door(self, host: str, port: int) -> Door:
        bare = host.strip("[]")
        shown = f"[{bare}]" if ":" in bare else bare
        return Door(host=bare, port=port, private=bool({shown, f"{shown}:{port}"} & self.listed))

    def addresses(self, door: Door, *, timeout_s: float) -> tuple[str, ...]:
        """Where to connect, in the resolver's order. Raises NotChecked when the name is unknown or any of its addresses is refused."""
        found = resolve(door.host, door.port, timeout_s=timeout_s)
        self.check(door, found)
        return found

    def check(self, door: Door, addresses: Sequence[str]) -> None:
        """Raises NotChecked when any of them is refused."""
        for address in addresses:
            if why := self.refusal(address, private=door.private):
                shown = door.host if door.host == address else f"{door.host} is at {address}, which"
                raise NotChecked(f"{shown} is {why[0]}", why[1])

    def refusal(self, text: str, *, private: bool) -> tuple[str, str] | None:
        """What kind of address it is and what to do about it; None when it may be connected to."""
        address = _inner(ip_address(text.partition("%")[0]))
        if address.is_link_local or address in METADATA:
            return "a link-local address or a metadata service", "kgate never connects to one"
        if address.is_multicast or address.is_unspecified:
            return "no address of one host", "kgate never connects to one"
        if address.is_global or private or any(address in ip_network(n, strict=False) for n in self.networks):
            return None
        return "no public address", "list the registry under images.registries, or its network under images.networks"


def _inner(address: Address) -> Address:
    """The IPv4 address inside an IPv6 one that leads to it."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return IPv4Address(int(address) & 0xFFFFFFFF)
        return address.sixtofour or address
    return address


def resolve(host: str, port: int, *, timeout_s: float) -> tuple[str, ...]:
    """Raises NotChecked. The resolver of the system takes no time limit, so a thread that nobody waits for asks it."""
    import threading

    answers: SimpleQueue[Sequence[str] | OSError | UnicodeError] = SimpleQueue()
    threading.Thread(target=_look_up, args=(host, port, answers), daemon=True).start()
    try:
        found = answers.get(timeout=max(timeout_s, 0.001))
    except Empty:
        raise NotChecked(f"the address of {host} was not found within {timeout_s:.3g} s", "try again later") from None
    if isinstance(found, Exception):
        raise NotChecked(f"the name {host} leads to no address", "check the name of the registry, and whether DNS works") from found
    return tuple(dict.fromkeys(found))


def _look_up(host: str, port: int, answers: SimpleQueue[Sequence[str] | OSError | UnicodeError]) -> None:
    import socket

    try:
        answers.put([str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)])
    except (OSError, UnicodeError) as e:
        answers.put(e)
