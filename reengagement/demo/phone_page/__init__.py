"""The pages of the demo's phone: files beside this one, and a sample of the product that a link leads to."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

_HERE = Path(__file__).parent
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_HEADERS = {
    # connect-src: a press is reported to the click link, which lies on the dashboard's origin.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self' http: https:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}

Endpoint = Callable[[Request], Awaitable[Response]]


@cache
def _read(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def _file(name: str) -> Endpoint:
    async def endpoint(_: Request) -> Response:
        return Response(_read(name), media_type=_TYPES[Path(name).suffix], headers=_HEADERS)

    return endpoint


def _settings(dashboard: str | None) -> Endpoint:
    async def endpoint(_: Request) -> Response:
        return Response(json.dumps({"dashboard": dashboard}), media_type="application/json", headers=_HEADERS)

    return endpoint


def page_routes(dashboard: str | None) -> list[BaseRoute]:
    """Return the routes of the pages; `dashboard` is where the phone's page links back to."""
    assets = sorted(path.name for path in _HERE.iterdir() if path.suffix in _TYPES)
    return [
        Route("/", _file("phone.html")),
        Route("/settings.json", _settings(dashboard)),
        *[Route(f"/assets/{name}", _file(name)) for name in assets],
        Route("/{path:path}", _file("product.html")),
    ]
