"""What a browser of a user loads: the service worker, and the key that it subscribes with."""

from __future__ import annotations

import json
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from reengagement.endpoints import address_of
from reengagement.settings import Settings
from reengagement.vapid import public_key_of

_SERVICE_WORKER = Path(__file__).parent.with_name("sw.js")
_ORIGINS = "/* origins */"
_NO_SNIFFING = {"X-Content-Type-Options": "nosniff"}


def routes(settings: Settings) -> list[BaseRoute]:
    """Return `GET /sw.js` and `GET /vapid-public-key`."""
    script = _script(settings)

    def service_worker(_: Request) -> Response:
        headers = {**_NO_SNIFFING, "Cache-Control": "no-cache", "Service-Worker-Allowed": "/"}
        return Response(script, media_type="text/javascript", headers=headers)

    def vapid_public_key(_: Request) -> Response:
        private = settings.vapid_private_key
        if private is None:
            return PlainTextResponse("No key is set.\n", 404, _NO_SNIFFING)
        return PlainTextResponse(
            public_key_of(private), headers={**_NO_SNIFFING, "Access-Control-Allow-Origin": "*"}
        )

    return [
        Route("/sw.js", service_worker, methods=["GET"]),
        Route("/vapid-public-key", vapid_public_key, methods=["GET"]),
    ]


def _script(settings: Settings) -> str:
    """Return the worker's script for the product's site, with the origins whose links it may open."""
    allowed = [
        address.origin
        for url in (settings.landing_url, settings.public_url)
        if (address := address_of(url)) is not None
    ]
    listed = ", ".join(json.dumps(origin) for origin in dict.fromkeys(allowed))
    return _SERVICE_WORKER.read_text(encoding="utf-8").replace(_ORIGINS, listed)
