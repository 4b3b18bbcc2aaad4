"""The site: a page for whoever is signed in, and our routes under its own origin, as a proxy puts them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import html
import secrets
import time
from pathlib import Path
from string import Template

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from reengagement.http import build_routes
from reengagement.settings import Settings

PAGE = Template(Path(__file__).with_name("page.html").read_text(encoding="utf-8"))
SIGNED_IN = "user-00001"
"""A real product knows who is signed in."""


def reengagement_user(secret: str, user_id: str, seconds: int = 600) -> str:
    """Return the reference by which the product vouches for a user (docs/embedding.md)."""

    def encode(raw: bytes) -> str:
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    key = hmac.digest(secret.encode(), b"reengagement.subscribe", hashlib.sha256)
    value = f"{encode(user_id.encode())}.{int(time.time()) + seconds:x}"
    return f"{value}.{encode(hmac.digest(key, value.encode(), hashlib.sha256))}"


def build_site(settings: Settings) -> Starlette:
    """Return the product's site, with our routes under its own origin."""
    secret = settings.host_secret or secrets.token_urlsafe(32)
    ours = build_routes(settings.model_copy(update={"host_secret": secret}))

    async def page(request: Request) -> HTMLResponse:
        user_id = request.query_params.get("user", SIGNED_IN)
        reference = reengagement_user(secret, user_id)
        return HTMLResponse(PAGE.substitute(user=html.escape(user_id), reference=reference))

    return Starlette(routes=[*ours, Route("/{path:path}", page)])
