"""A server for `bench.clicks`: `python -m bench.click_server NAME`, by DATABASE_URL; prints its port.

*bare* is the least that can be done: a Starlette route that writes one row in a transaction of its own;
*ours* is our routes alone; *dashboard* the whole web process.
"""

from __future__ import annotations

import importlib
import sys

import uvicorn
from sqlalchemy import text
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from reengagement import settings
from reengagement.database import engine_of
from reengagement.demo.push_service import listen
from reengagement.http import build_app

INSERT = text("INSERT INTO bare_click (reference) VALUES (:reference)")


def bare() -> Starlette:
    """Return the application of the bare route."""
    engine = engine_of(settings.load())

    def click(request: Request) -> Response:
        with engine.begin() as connection:
            connection.execute(INSERT, {"reference": request.path_params["reference"]})
        return Response(status_code=204)

    return Starlette(routes=[Route("/reengagement/click/{reference}", click, methods=["POST"])])


def ours() -> Starlette:
    """Return our routes alone."""
    return build_app()


def dashboard() -> Starlette:
    """Return what `streamlit run` serves: the dashboard and our routes in one process."""
    app: Starlette = importlib.import_module("streamlit_app").app
    return app


APPLICATIONS = {"bare": bare, "ours": ours, "dashboard": dashboard}


def main(which: str) -> None:
    """Serve until told to end."""
    app = APPLICATIONS[which]()
    listening = listen(0)
    listening.listen()  # before anyone is told of it
    sys.stdout.write(f"{listening.getsockname()[1]}\n")
    sys.stdout.flush()
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False))
    server.run(sockets=[listening])


if __name__ == "__main__":
    main(sys.argv[1])
