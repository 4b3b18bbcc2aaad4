"""A push service on loopback, with phones: it accepts what a real one accepts, decrypts and shows it.

    POST /push/{token}   what a sender posts to
    GET  /               the phone
    GET  /arrived        decrypted notifications, newest first (?after=ID&user=ID&limit=N)
    GET  /counts         sums, and what one phone was sent twice
    POST /behaviour      how to answer from now on (see behaviour.Behaviour); GET shows, DELETE clears
    POST /reset          forget everything

`python -m reengagement.demo.push_service --port 8090` runs it; tests use `running()`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
import threading
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import uvicorn
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from reengagement.demo.acceptance import refusal_of
from reengagement.demo.arrivals import KEPT, Arrivals
from reengagement.demo.behaviour import Behaviour, Behaviours
from reengagement.demo.phone import decrypt, user_of
from reengagement.demo.phone_page import page_routes

LOOPBACK = "127.0.0.1"
HANG_SECONDS = 3600.0
PAUSE_STEP_SECONDS = 0.05
SAVED_EVERY_SECONDS = 1.0


class PushService:
    """The application behind the routes. `public_key`: what phones subscribed with; None accepts any."""

    def __init__(self, *, data: Path | None = None, public_key: str | None = None) -> None:
        self.arrivals = Arrivals(data)
        self.behaviours = Behaviours()
        self._public_key = public_key
        self._connections: dict[tuple[str, int], asyncio.Transport] = {}
        self._stopping: Callable[[], bool] = bool

    async def push(self, request: Request) -> Response:
        """Answer a sender as instructed; an ordinary answer is preceded by the checks of a real service."""
        token = request.path_params["token"]
        body = await request.body()
        behaviour = self.behaviours.next_for(token)
        await self._pause(request, behaviour.delay)
        answer = behaviour.answer
        if answer in ("reset", "hang"):
            return await self._no_answer(request, str(answer))
        if isinstance(answer, int) and not 200 <= answer < 300:
            return self._refuse(answer, "AsInstructed", behaviour.retry_after)
        refused = self._accept(request, token, body)
        if refused is not None or isinstance(answer, int):
            return refused or Response(status_code=int(answer), headers={"Location": f"/message/{token}"})
        return await self._no_answer(request, answer.removeprefix("accept_then_"))

    def _accept(self, request: Request, token: str, body: bytes) -> Response | None:
        """Take a message in, or return the refusal."""
        phone, now = user_of(token), time.time()
        if phone is None:
            return self._refuse(404, "NoSuchPhone")
        origin = f"http://{request.headers['host']}"
        refusal = refusal_of(request.headers, body, origin=origin, now=now, public_key=self._public_key)
        if refusal is not None:
            return self._refuse(*refusal)
        self.arrivals.add(
            token=token,
            user_id=phone[0],
            n=phone[1],
            topic=request.headers.get("topic", ""),
            ttl=int(request.headers["ttl"]),
            notification=decrypt(token, body),
            now=now,
        )
        return None

    def _refuse(self, status: int, reason: str, retry_after: str | None = None) -> Response:
        self.arrivals.refusals[f"{status} {reason}"] += 1
        headers = {"Retry-After": retry_after} if retry_after else None
        return JSONResponse({"reason": reason}, status_code=status, headers=headers)

    async def _no_answer(self, request: Request, how: str) -> Response:
        """Leave the sender without an answer: keep silent, or cut the connection with a TCP reset."""
        if how == "hang":
            await self._pause(request, HANG_SECONDS)
        transport = (
            self._connections.get((request.client.host, request.client.port)) if request.client else None
        )
        if transport is not None:
            connection = transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            transport.abort()
        return Response(status_code=500)  # goes nowhere: the connection is gone

    async def _pause(self, request: Request, seconds: float) -> None:
        """Wait; not longer than the sender does, nor than this service runs."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if self._stopping() or await request.is_disconnected():
                return
            await asyncio.sleep(min(left, PAUSE_STEP_SECONDS))

    async def arrived(self, request: Request) -> Response:
        query = request.query_params
        try:
            after, limit = int(query.get("after", 0)), int(query.get("limit", KEPT))
        except ValueError:
            return PlainTextResponse("after and limit are numbers", 400)
        return JSONResponse(self.arrivals.newest(after=after, user_id=query.get("user"), limit=limit))

    async def counts(self, _: Request) -> Response:
        return JSONResponse(self.arrivals.counts())

    async def show_behaviour(self, _: Request) -> Response:
        return JSONResponse([behaviour.model_dump() for behaviour in self.behaviours.now_in_force()])

    async def set_behaviour(self, request: Request) -> Response:
        """Take an instruction. JSON only: another site's page can't post that without our consent."""
        if not request.headers.get("content-type", "").startswith("application/json"):
            return PlainTextResponse("Content-Type must be application/json", 415)
        try:
            self.behaviours.set(Behaviour.model_validate_json(await request.body()))
        except ValidationError as error:
            return JSONResponse(
                error.errors(include_url=False, include_context=False, include_input=False), 422
            )
        return Response(status_code=204)

    async def clear_behaviour(self, _: Request) -> Response:
        self.behaviours.clear()
        return Response(status_code=204)

    async def reset(self, request: Request) -> Response:
        if not request.headers.get("content-type", "").startswith("application/json"):
            return PlainTextResponse("Content-Type must be application/json", 415)
        self.arrivals.forget()
        self.behaviours.clear()
        return Response(status_code=204)

    @contextlib.asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        """Save now and then, not at every arrival, and at the end."""

        async def save_now_and_then() -> None:
            while True:
                await asyncio.sleep(SAVED_EVERY_SECONDS)
                self.arrivals.save()

        saving = asyncio.create_task(save_now_and_then())
        try:
            yield
        finally:
            saving.cancel()
            self.arrivals.save()

    def app(self, dashboard: str | None = None) -> Starlette:
        """Return the application. It answers to loopback's names only: no page elsewhere can rebind."""
        return Starlette(
            routes=[
                Route("/push/{token}", self.push, methods=["POST"]),
                Route("/arrived", self.arrived),
                Route("/counts", self.counts),
                Route("/behaviour", self.show_behaviour),
                Route("/behaviour", self.set_behaviour, methods=["POST"]),
                Route("/behaviour", self.clear_behaviour, methods=["DELETE"]),
                Route("/reset", self.reset, methods=["POST"]),
                *page_routes(dashboard),
            ],
            middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=[LOOPBACK, "localhost"])],
            lifespan=self._lifespan,
        )

    def protocol(self) -> type[asyncio.Protocol]:
        """Return uvicorn's protocol, which also remembers its connections so that one can be cut."""
        connections = self._connections

        class Remembering(H11Protocol):
            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
                super().connection_made(transport)
                connections[transport.get_extra_info("peername")] = transport

            def connection_lost(self, exc: Exception | None) -> None:
                connections.pop(self.transport.get_extra_info("peername"), None)
                super().connection_lost(exc)

        return Remembering

    def server(self, dashboard: str | None = None) -> uvicorn.Server:
        config = uvicorn.Config(
            self.app(dashboard),
            http=self.protocol(),
            ws="none",
            log_level="warning",
            timeout_graceful_shutdown=1,
            backlog=4096,
        )
        server = uvicorn.Server(config)
        self._stopping = lambda: server.should_exit
        return server


def listen(port: int) -> socket.socket:
    """Return a socket bound to loopback, and to nothing else; port 0 takes a free one."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind((LOOPBACK, port))
    return listening


@dataclass(frozen=True)
class Running:
    """A push service that is running; its methods go over HTTP, wherever it runs."""

    origin: str

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(
            self.origin + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def arrived(self) -> list[dict[str, Any]]:
        """Return what arrived, newest first; `notification` is the decrypted one."""
        found: list[dict[str, Any]] = self._call("GET", "/arrived")
        return found

    def counts(self) -> dict[str, Any]:
        found: dict[str, Any] = self._call("GET", "/counts")
        return found

    def behave(self, answer: int | str = 201, **instruction: Any) -> None:
        """Answer so from now on; see behaviour.Behaviour for `endpoint`, `retry_after`, `delay`, `times`."""
        self._call("POST", "/behaviour", {"answer": answer, **instruction})

    def reset(self) -> None:
        self._call("POST", "/reset", {})


@contextlib.contextmanager
def running(port: int = 0, *, data: Path | None = None, public_key: str | None = None) -> Iterator[Running]:
    """Run a push service in a thread until the context ends."""
    listening = listen(port)
    server = PushService(data=data, public_key=public_key).server()
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    _wait(lambda: server.started)
    try:
        yield Running(f"http://{LOOPBACK}:{listening.getsockname()[1]}")
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        listening.close()


def _wait(until: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not until():
        if time.monotonic() > deadline:
            raise TimeoutError("The push service didn't start.")
        time.sleep(0.005)


@click.command(help="Run a push service with simulated phones, on loopback only.")
@click.option("--port", default=8090, show_default=True)
@click.option("--data", type=click.Path(path_type=Path), help="Keeps the newest notifications in this file.")
@click.option("--vapid-public-key", help="Refuse senders that sign with another key.")
@click.option("--dashboard", help="Address of the dashboard, linked to from the phone page.")
def main(port: int, data: Path | None, vapid_public_key: str | None, dashboard: str | None) -> None:
    listening = listen(port)
    click.echo(f"Phone: http://{LOOPBACK}:{listening.getsockname()[1]}/")
    PushService(data=data, public_key=vapid_public_key).server(dashboard).run(sockets=[listening])


if __name__ == "__main__":
    main()
