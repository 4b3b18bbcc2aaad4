"""Where a push message may go. An endpoint comes from a browser, so it is untrusted, and it is a secret."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Any

PUSH_HOSTS = (
    "fcm.googleapis.com",
    "jmt17.google.com",
    "updates.push.services.mozilla.com",
    "push.apple.com",
    "notify.windows.com",
)
"""Hosts of the push services; what lies under one of them is theirs too."""

OTHER_CHANNELS = ("expo", "rustore")
LONGEST_ENDPOINT = 4096

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_ENDPOINT = re.compile(
    rf"(?P<scheme>https?)://(?P<host>{_LABEL}(?:\.{_LABEL})*)(?::(?P<port>[0-9]{{1,5}}))?"
    r"(?P<rest>[/?#][!-\[\]-~]*)?",
    re.IGNORECASE,
)
"""Printable ASCII without a backslash, no userinfo, no bracketed address: nothing that two parsers read in
two ways. `rest` is opaque and sent as it was given."""

_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Address:
    """Scheme, host (lower case) and port of an endpoint: all of it that isn't secret."""

    scheme: str
    host: str
    port: int

    @property
    def origin(self) -> str:
        """The origin as VAPID's `aud` wants it: without the scheme's own port."""
        shown = "" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{self.host}{shown}"

    def is_under(self, domain: str) -> bool:
        return self.host == domain or self.host.endswith(f".{domain}")


def address_of(endpoint: str) -> Address | None:
    """Return where `endpoint` points, or None if it is no plain web address."""
    found = _ENDPOINT.fullmatch(endpoint) if len(endpoint) <= LONGEST_ENDPOINT else None
    if found is None:
        return None
    scheme, host = found["scheme"].lower(), found["host"].lower()
    port = int(found["port"] or _DEFAULT_PORTS[scheme])
    return Address(scheme, host, port) if len(host) <= 253 and 0 < port < 65536 else None


def may_be_posted(address: Address, allowed_origins: frozenset[str]) -> bool:
    """Tell whether a request may go there: a push service over https, or an origin that the operator set."""
    if address.origin in allowed_origins:
        return True
    known = any(address.is_under(host) for host in PUSH_HOSTS)
    return known and address.scheme == "https" and address.port == 443


def is_public(ip: str) -> bool:
    """Tell whether a resolved address lies on the open internet: not private, loopback or link-local."""
    address = ip_address(ip)
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or address.sixtofour or address
    return address.is_global and not address.is_multicast


def other_channel(endpoint: str, keys: Any) -> str | None:
    """Return the channel of a subscription that isn't Web Push (`expo`, `rustore`), else None."""
    if endpoint.startswith(("ExponentPushToken[", "ExpoPushToken[")):
        return "expo"
    if not isinstance(keys, Mapping):
        return None
    words = {word.lower() for pair in keys.items() for word in pair if isinstance(word, str)}
    return next((channel for channel in OTHER_CHANNELS if channel in words), None)


def push_service_of(endpoint: str, keys: Any = None) -> str:
    """Return the origin of a push service, or a word: `expo`, `rustore`, `unknown`."""
    address = address_of(endpoint)
    return other_channel(endpoint, keys) or (address.origin if address else "unknown")


def endpoint_hash(endpoint: str) -> bytes:
    """Return the SHA-256 by which we know a subscription; the endpoint itself stays with the host."""
    return hashlib.sha256(endpoint.encode("utf-8", "surrogatepass")).digest()
