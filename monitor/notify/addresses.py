"""Which addresses outgoing requests may reach. Pure: no look-ups here."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from monitor.errors import ConfigurationError, DeliveryError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

PORTS = frozenset({80, 443, 8443})
_GLOBAL_UNICAST = ip_network("2000::/3")  # all that IANA has given out, RFC 4291 section 2.4
_NAT64 = ip_network("64:ff9b::/96")  # RFC 6052
_CLOUD_INTERNAL = (
    ip_network("168.63.129.16/32"),  # Azure's host services stand on a public address
    ip_network("192.0.0.0/24"),  # RFC 6890; Oracle's metadata; Python before 3.12.4 says global
)


class BlockedAddress(DeliveryError):
    """The address is not one that messages may be sent to; a retry cannot help."""

    def __init__(self, message: str) -> None:
        super().__init__(message, permanent=True)


def unwrap(address: Address) -> Address:
    """Return the IPv4 address inside an IPv4-mapped, 6to4 or NAT64 one, any other as it is.

    >>> unwrap(ip_address("64:ff9b::7f00:1"))
    IPv4Address('127.0.0.1')
    """
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or address


def is_public(address: Address) -> bool:
    """Tell whether an address belongs to the open internet, whatever it is wrapped in.

    >>> [is_public(ip_address(a)) for a in ("1.1.1.1", "100.64.0.1", "::ffff:10.0.0.1", "ff0e::1")]
    [True, False, False, False]
    """
    address = unwrap(address)
    if isinstance(address, IPv6Address):
        return address.is_global and address in _GLOBAL_UNICAST
    if address.is_multicast or address.is_reserved:
        return False
    return address.is_global and not any(address in network for network in _CLOUD_INTERNAL)


@dataclass(frozen=True, slots=True)
class Guard:
    """The rule for outgoing addresses, with the operator's exceptions.

    `services` are (host, port) pairs reachable wherever they resolve to; `networks` are inner
    networks reachable on the usual ports.
    """

    services: frozenset[tuple[str, int]] = frozenset()
    networks: tuple[Network, ...] = ()

    @classmethod
    def parse(cls, entries: Iterable[str]) -> Self:
        """Read `host:port` and CIDR entries.

        Raises
        ------
        ConfigurationError
            If an entry is neither.

        """
        services: set[tuple[str, int]] = set()
        networks: list[Network] = []
        for entry in entries:
            try:
                networks.append(ip_network(entry, strict=False))
            except ValueError:
                services.add(_service(entry))
        return cls(frozenset(services), tuple(networks))

    def check(self, host: str, port: int, addresses: Sequence[str]) -> None:
        """Raise BlockedAddress unless the port and every one of the addresses may be reached."""
        if (host.lower(), port) in self.services:
            return
        if port not in PORTS:
            raise BlockedAddress(
                f"不向端口 {port} 发送，除非把“主机:端口”列入放行名单 / "
                f"port {port} is closed to messages unless host:port is on the allow list"
            )
        if not all(self._open(ip_address(address)) for address in addresses):
            raise BlockedAddress(
                "地址指向内部网络，除非列入放行名单，否则不会发送 / "
                "the address is inside a private network and not on the allow list"
            )

    def _open(self, address: Address) -> bool:
        inner = unwrap(address)
        return is_public(address) or any(inner in network for network in self.networks)


def _service(entry: str) -> tuple[str, int]:
    try:
        parts = urlsplit(f"//{entry}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or port is None or parts.netloc != entry or "@" in entry:
        raise ConfigurationError(
            f"放行名单里的“{entry}”既不是“主机:端口”也不是网段 / "
            f"“{entry}” on the allow list is neither host:port nor a CIDR network"
        )
    return host, port
