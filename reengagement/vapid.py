"""Keys and signatures by which a push service knows us (RFC 8292), and how keys are written."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid import Vapid02, VapidException

from reengagement.errors import SettingsError

VALID_SECONDS = 12 * 3600
"""Far from the 24 hours that push services refuse, for a worker whose clock is an hour off."""
RENEWED_BEFORE_SECONDS = 3600


class BadKey(Exception):
    """A key isn't base64 of the right number of bytes."""


def base64url(raw: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def decode(value: Any, length: int) -> bytes:
    """Return exactly `length` bytes of base64 or base64url; the library takes any length and any sign."""
    if not isinstance(value, str):
        raise BadKey
    try:
        text = value.rstrip("=").translate({ord("+"): "-", ord("/"): "_"})
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise BadKey from None
    if len(raw) != length:
        raise BadKey
    return raw


def is_usable(p256dh: str, auth: str) -> bool:
    """Tell whether a message can be encrypted for these keys of a browser."""
    try:
        decode(auth, 16)
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), decode(p256dh, 65))
    except (BadKey, ValueError):
        return False
    return True


def make_vapid_keys() -> tuple[str, str]:
    """Return a new private and public key, both base64url without padding."""
    private = ec.generate_private_key(ec.SECP256R1())
    raw = base64url(private.private_numbers().private_value.to_bytes(32, "big"))
    return raw, public_key_of(raw)


def public_key_of(private: str) -> str:
    """Return the public key, as a browser's `applicationServerKey` takes it, of a private one.

    Raises SettingsError, without the key in it.
    """
    point = _private_key(private).public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return base64url(point)


def _private_key(private: str) -> ec.EllipticCurvePrivateKey:
    try:
        raw = decode(private, 32)
        return ec.derive_private_key(int.from_bytes(raw, "big"), ec.SECP256R1())
    except (BadKey, ValueError):
        raise SettingsError(
            "VAPID_PRIVATE_KEY: must be the 32 bytes of a P-256 key in base64url, "
            "as `python -m reengagement vapid` prints it"
        ) from None


class CachingVapid(Vapid02):  # type: ignore[misc]
    """Signs once for each origin and keeps the header until an hour before it expires."""

    def __init__(self, private: str, subject: str, clock: Callable[[], float]) -> None:
        super().__init__(_private_key(private))
        self._subject = subject
        self._clock = clock
        self._signed: dict[str, tuple[str, float]] = {}

    def authorization(self, origin: str) -> str:
        """Return the Authorization header for `origin`; signed anew also where the clock was set back."""
        now = self._clock()
        header, signed_at = self._signed.get(origin, ("", 0.0))
        if not header or not 0 <= now - signed_at < VALID_SECONDS - RENEWED_BEFORE_SECONDS:
            claims = {"aud": origin, "exp": int(now) + VALID_SECONDS, "sub": self._subject}
            header = str(self.sign(claims)["Authorization"])
            self._signed[origin] = (header, now)
        return header

    def check(self, origins: frozenset[str]) -> None:
        """Raise SettingsError for a subject or an origin that can't be signed for, before work is taken."""
        for origin in ("https://fcm.googleapis.com", *sorted(origins)):
            try:
                self.authorization(origin)
            except VapidException as error:
                wrong = "REENGAGEMENT_PUSH_ORIGINS" if "'aud'" in str(error) else "VAPID_SUBJECT"
                raise SettingsError(f"{wrong}: can't be signed for by VAPID") from None
