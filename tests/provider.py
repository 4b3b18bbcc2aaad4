"""A small OpenID Connect provider: real enough for a whole sign-in, with whoever the test wants."""

from __future__ import annotations

import base64
import json
import secrets
import time
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

CLIENT = "dashboard"
SECRET = "a secret that only the two know "


class Provider:
    """Signs in whoever `says` describes, without asking; `app` is to be served."""

    def __init__(self) -> None:
        self.says: dict[str, Any] = {}
        self._key = rsa.generate_private_key(65537, 2048)
        self._asked: dict[str, str] = {}
        paths = {
            "/.well-known/openid-configuration": self._describe,
            "/authorize": self._authorize,
            "/token": self._token,
            "/keys": self._keys,
        }
        self.app = Starlette(
            routes=[Route(path, endpoint, methods=["GET", "POST"]) for path, endpoint in paths.items()]
        )

    def _describe(self, request: Request) -> Response:
        origin = str(request.base_url).rstrip("/")
        return JSONResponse(
            {
                "issuer": origin,
                "authorization_endpoint": f"{origin}/authorize",
                "token_endpoint": f"{origin}/token",
                "jwks_uri": f"{origin}/keys",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
            }
        )

    def _authorize(self, request: Request) -> Response:
        asked = request.query_params
        code = secrets.token_urlsafe(16)
        self._asked[code] = asked["nonce"]
        return RedirectResponse(f"{asked['redirect_uri']}?code={code}&state={asked['state']}", 302)

    async def _token(self, request: Request) -> Response:
        form = dict(pair.split("=", 1) for pair in (await request.body()).decode().split("&"))
        now = int(time.time())
        claims = {
            "iss": str(request.base_url).rstrip("/"),
            "aud": CLIENT,
            "sub": "42",
            "iat": now,
            "exp": now + 600,
            "nonce": self._asked.pop(form["code"]),
            **self.says,
        }
        return JSONResponse(
            {
                "access_token": secrets.token_urlsafe(),
                "token_type": "Bearer",
                "id_token": self._signed(claims),
            }
        )

    def _keys(self, _: Request) -> Response:
        numbers = self._key.public_key().public_numbers()
        n = _base64(numbers.n.to_bytes(256, "big"))
        return JSONResponse(
            {"keys": [{"kty": "RSA", "kid": "1", "alg": "RS256", "use": "sig", "n": n, "e": "AQAB"}]}
        )

    def _signed(self, claims: dict[str, Any]) -> str:
        head = {"alg": "RS256", "kid": "1"}
        said = ".".join(_base64(json.dumps(part).encode()) for part in (head, claims))
        return f"{said}.{_base64(self._key.sign(said.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
