"""Which hosts may be asked: none inside this machine or its network, unless that was allowed."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from functools import cache
from urllib.request import getproxies, proxy_bypass

from gigascene.model.errors import BadInput
from gigascene.settings import settings

_METADATA = {ipaddress.ip_address("168.63.129.16")}
"""Public by its number, but Azure's own inside Azure."""


def checked(host: str, port: int, said: str, *, named: bool = False) -> Iterator[str]:
    """Addresses of a host; raises `BadInput` if one of them is not public, unless that was allowed, or the user `named` it."""
    allowed = named or settings().allow_private_hrefs
    for text in _resolved(host, port, through_proxy=bool(proxy("https", host) or proxy("http", host))):
        if not allowed and not is_public(text):
            raise BadInput(
                f"{host} is an address inside this machine or its network ({text}); hrefs must not lead there.",
                said,
                hint="If you trust the catalogue: --allow-private or GIGASCENE_ALLOW_PRIVATE_HREFS=1.",
            )
        yield text


def proxy(scheme: str, host: str) -> str:
    """The proxy that the environment names for a host, or nothing."""
    return "" if proxy_bypass(host) else getproxies().get(scheme, "")


def _resolved(host: str, port: int, *, through_proxy: bool) -> tuple[str, ...]:
    try:
        return _addresses(host, port)
    except (OSError, UnicodeError) as error:
        if through_proxy:  # only the proxy can know
            return ()
        raise OSError(0, f"the host {host} is not known") from error


@cache
def _addresses(host: str, port: int) -> tuple[str, ...]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in found))


def is_public(text: str) -> bool:
    """Whether an address is one of the internet, by whatever wrapping."""
    address: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if inner is None and address in ipaddress.ip_network("64:ff9b::/96"):
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        address = inner or address
    return address.is_global and not address.is_multicast and address not in _METADATA
