"""Headers that every answer carries, of the dashboard and of the routes beside it. Starlette, no Streamlit.

What a route sets itself stays as it is. Streamlit's own open doors are shut here.
"""

from __future__ import annotations

import logging

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

DASHBOARD = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'wasm-unsafe-eval' 'sha256-THxz9J9+wf7rhwR2YkXJoSZ13UCmYyC+3lNDv2+8ugA='",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
"""Scripts come from here and from nowhere else, none from within a page but Streamlit's one line there. It
writes styles into the page, and its tables draw in workers made of blobs."""

PLAIN = "; ".join(
    (
        "default-src 'none'",
        "style-src 'unsafe-inline'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
"""For the routes beside the dashboard."""

ROUTES = ("/reengagement/", "/session/")
SCRIPTS = "text/javascript"
"""A worker lives by the policy that its script came with, on another site: it gets none."""

CLOSED = ("/_stcore/metrics",)
"""What Streamlit tells everyone who asks: how much its caches and sessions hold, by name."""

SEALED = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
"""`same-origin`: with `no-referrer` a browser says of our own form that it comes from nowhere."""


class Headers:
    """Adds the headers to each answer of `app`; with `https`, every cookie travels over HTTPS only.

    It also ends uvicorn's log of addresses: signed references and one-time links stand in them.
    """

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self._app = app
        self._https = https
        logging.getLogger("uvicorn.access").disabled = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def sealed(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._seal(scope, MutableHeaders(scope=message))
            await send(message)

        app = PlainTextResponse("Not found.\n", 404) if scope["path"] in CLOSED else self._app
        await app(scope, receive, sealed)

    def _seal(self, scope: Scope, headers: MutableHeaders) -> None:
        for name, value in SEALED.items():
            headers.setdefault(name, value)
        if not headers.get("content-type", "").startswith(SCRIPTS):
            policy = PLAIN if scope["path"].startswith(ROUTES) else DASHBOARD
            headers.setdefault("Content-Security-Policy", policy)
        if self._https:
            cookies = headers.getlist("set-cookie")
            del headers["set-cookie"]
            for cookie in cookies:
                headers.append("set-cookie", cookie if "; secure" in cookie.lower() else f"{cookie}; Secure")
