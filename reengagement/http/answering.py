"""How the routes answer: headers for everyone, plain sentences for what went wrong, nothing repeated."""

from __future__ import annotations

import functools
import logging
from collections.abc import Awaitable, Callable

from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from reengagement.errors import BadReference, ReengagementError

PRIVATE = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""For what is said to one visitor: a link must neither be kept nor handed on."""

Answer = Callable[[Request], Response]
AsyncAnswer = Callable[[Request], Awaitable[Response]]

log = logging.getLogger(__name__)


def plain(status: int, sentence: str, **headers: str) -> Response:
    """Return a sentence as text."""
    return PlainTextResponse(f"{sentence}\n", status, {**PRIVATE, **headers})


def nothing() -> Response:
    """Return that it is done."""
    return Response(status_code=204, headers=PRIVATE)


def careful(answer: Answer) -> AsyncAnswer:
    """Return the answer, run beside the loop, with plain words for bad references and a database away."""

    @carefully
    async def beside(request: Request) -> Response:
        return await run_in_threadpool(answer, request)

    return beside


def carefully(answer: AsyncAnswer) -> AsyncAnswer:
    """Return the answer with plain words for bad references and a database that is away."""

    @functools.wraps(answer)
    async def guarded(request: Request) -> Response:
        try:
            return await answer(request)
        except BadReference:
            return plain(404, "Not found.")
        except (ReengagementError, SQLAlchemyError) as error:
            log.error("a request could not be served", extra={"error": type(error).__name__})
            return plain(503, "Out of order: try again later.")

    return guarded
