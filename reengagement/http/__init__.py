"""HTTP beside the dashboard: what browsers of users and probes ask for. Starlette, no Streamlit.

A `Mount`, so that an unknown path under it is 404 and a wrong method 405, where a bare route would let
Streamlit answer with its page. No SQL runs on the loop: plain functions are run beside it by Starlette, and
clicks are recorded in a thread. Nothing that came in is repeated in an answer. `openapi.json` describes it.
"""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import BaseRoute, Mount, Router

from reengagement.headers import Headers
from reengagement.http import assets, devices, links, opting_out, probes, subscribing
from reengagement.http.links import destination
from reengagement.settings import Settings, load

PATH = "/reengagement"


def build_app(given: Settings | None = None) -> Starlette:
    """Return an application of the routes alone, to be served without the dashboard. Raises SettingsError.

    The settings are the environment's where none are given: `uvicorn --factory reengagement.http:build_app`.
    """
    settings = given or load()
    https = settings.public_url.startswith("https://")
    return Starlette(routes=build_routes(settings), middleware=[Middleware(Headers, https=https)])


def build_routes(settings: Settings) -> list[BaseRoute]:
    """Return the routes under `/reengagement`; no connection is made before the first request."""
    routes = [
        *links.routes(settings),
        *subscribing.routes(settings),
        *opting_out.routes(settings),
        *devices.routes(settings),
        *assets.routes(settings),
        *probes.routes(settings),
    ]
    # no redirect from `…/` to `…`: it would repeat what came in
    return [Mount(PATH, app=Router(routes, redirect_slashes=False), middleware=_cors(settings))]


def _cors(settings: Settings) -> list[Middleware]:
    """Let pages of the configured origins subscribe, and of no other; never with cookies."""
    if not settings.cors_origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Content-Type"],
        )
    ]


__all__ = ["PATH", "build_app", "build_routes", "destination"]
