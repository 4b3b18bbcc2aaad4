"""What a real push service refuses: the checks of FCM, Mozilla, Apple and Windows, the strictest of each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidSignature
from py_vapid import jwt

LARGEST_BODY = 4096
LONGEST_VALIDITY_SECONDS = 24 * 3600
URGENCIES = ("very-low", "low", "normal", "high")

_AUTHORIZATION = re.compile(r"vapid t=(?P<token>[\w.-]+), ?k=(?P<key>[\w-]+)")
_TOPIC = re.compile(r"[\w-]{1,32}", re.ASCII)
_MAIL = re.compile(r"mailto:[^@\s]+@(?!localhost$)[\w-]+(\.[\w-]+)*\.(?!local$)[a-z][\w-]+", re.IGNORECASE)
_SITE = re.compile(r"https://(?!localhost\b)[\w-]+(\.[\w-]+)+(:\d+)?/?", re.IGNORECASE)


def refusal_of(
    headers: Mapping[str, str], body: bytes, *, origin: str, now: float, public_key: str | None
) -> tuple[int, str] | None:
    """Return status and reason of a refusal, or None if the message is to be accepted.

    `public_key` is the one that phones subscribed with; None accepts any.
    """
    if not headers.get("ttl", "").isdecimal():
        return 400, "TTL"
    if headers.get("urgency", "normal") not in URGENCIES:
        return 400, "Urgency"
    topic = headers.get("topic")
    if topic is not None and (not _TOPIC.fullmatch(topic) or len(topic) % 4 == 1):
        return 400, "Topic"
    if headers.get("content-encoding") != "aes128gcm" or not body:
        return 400, "Content-Encoding"
    if len(body) > LARGEST_BODY:
        return 413, "PayloadTooLarge"
    return _refusal_of_sender(headers.get("authorization", ""), origin, now, public_key)


def _refusal_of_sender(
    authorization: str, origin: str, now: float, public_key: str | None
) -> tuple[int, str] | None:
    found = _AUTHORIZATION.fullmatch(authorization)
    if found is None:
        return 401, "VapidMissing"
    claims = _claims(found["token"], found["key"])
    if claims is None:
        return 401, "VapidSignature"
    if public_key is not None and found["key"] != public_key:
        return 403, "VapidKey"
    if claims.get("aud") != origin:
        return 403, "VapidAudience"
    expires = claims.get("exp")
    if not isinstance(expires, int) or not now < expires <= now + LONGEST_VALIDITY_SECONDS:
        return 403, "VapidExpiry"
    subject = str(claims.get("sub"))
    if not (_MAIL.fullmatch(subject) or _SITE.fullmatch(subject)):
        return 403, "VapidSubject"
    return None


@lru_cache(maxsize=256)
def _claims(token: str, key: str) -> dict[str, Any] | None:
    """Return the claims of a token that `key` signed, else None. Kept, since a sender repeats its token."""
    try:
        claims = jwt.decode(token, key)
    except (InvalidSignature, ValueError):
        return None
    return claims if isinstance(claims, dict) else None
