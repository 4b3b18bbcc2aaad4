"""Simulated phones. Their keys follow from a token, so nothing about them has to be stored."""

from __future__ import annotations

import base64
import hashlib
import json
from functools import lru_cache
from typing import Any

import http_ece
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from reengagement.vapid import base64url

_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of the group of P-256: private keys lie below it."""


def token_of(user_id: str, n: int = 0) -> str:
    """Return the last part of the endpoint of a user's phone number `n`."""
    return f"{base64url(user_id.encode())}~{n}"


def user_of(token: str) -> tuple[str, int] | None:
    """Return user id and number of the phone behind a token, or None if there is no such phone."""
    name, _, n = token.partition("~")
    try:
        user_id = base64.urlsafe_b64decode(name + "=" * (-len(name) % 4)).decode()
        number = int(n)
    except ValueError:
        return None
    return (user_id, number) if token == token_of(user_id, number) else None


@lru_cache(maxsize=16384)
def private_keys_of(token: str) -> tuple[ec.EllipticCurvePrivateKey, bytes]:
    """Return the private key and the auth secret of the phone behind a token."""
    seed = hashlib.sha512(f"reengagement demo phone {token}".encode()).digest()
    number = int.from_bytes(seed[:48], "big") % (_ORDER - 1) + 1
    return ec.derive_private_key(number, ec.SECP256R1()), seed[48:64]


def subscription_of(origin: str, user_id: str, n: int = 0) -> tuple[str, dict[str, str]]:
    """Return endpoint and keys as a browser would give them for a user's phone number `n`."""
    token = token_of(user_id, n)
    private, auth = private_keys_of(token)
    point = private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return f"{origin}/push/{token}", {"p256dh": base64url(point), "auth": base64url(auth)}


def decrypt(token: str, body: bytes) -> dict[str, Any] | None:
    """Return the notification that the phone's service worker would be given, or None if it can't be read."""
    private, auth = private_keys_of(token)
    try:
        plain = http_ece.decrypt(body, private_key=private, auth_secret=auth, version="aes128gcm")
        notification = json.loads(plain)["notification"]
    except (http_ece.ECEException, ValueError, KeyError, TypeError):
        return None
    return notification if isinstance(notification, dict) else None
