"""`/device/{reference}`: where someone who uses the dashboard adds a browser for tests of messages.

The dashboard makes the link, whichever way its visitor signed in; whoever has it can add a browser, for half
an hour. Nothing else follows from it.
"""

from __future__ import annotations

import html
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from reengagement import devices
from reengagement.database import clock, engine_of
from reengagement.http.answering import PRIVATE, careful, carefully, nothing
from reengagement.http.plain_page import page, policy
from reengagement.http.subscribing import BrowserSubscription, Refused, check, read
from reengagement.settings import Settings
from reengagement.words import LANGUAGES, Words, best_language, words

SCRIPT = Path(__file__).with_name("device.js")
POLICY = policy("script-src 'self'", "connect-src 'self'", "worker-src 'self'")

_CONTENT = """<p>{text}</p>
<p><button type="button" disabled>{button}</button></p>
<p role="status" {said}></p>
<script src="../device.js"></script>"""


def routes(settings: Settings) -> list[BaseRoute]:
    """Return `GET` and `POST /device/{reference}`, and `GET /device.js`."""
    door = Door(settings)
    return [
        Route("/device/{reference}", careful(door.show), methods=["GET"]),
        Route("/device/{reference}", carefully(door.add), methods=["POST"]),
        Route("/device.js", _script, methods=["GET"]),
    ]


async def _script(_: Request) -> Response:
    headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache"}
    return Response(SCRIPT.read_text(encoding="utf-8"), media_type="text/javascript", headers=headers)


class Door:
    """Lets devices in."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._allowed = frozenset(settings.push_origins)

    def show(self, request: Request) -> Response:
        """Show the page with the button."""
        self._owner(request)
        asked = request.query_params.get("lang", "")
        accepted = best_language(request.headers.get("accept-language", "").partition(",")[0])
        return HTMLResponse(_page(words(asked if asked in LANGUAGES else accepted)), headers=PRIVATE | POLICY)

    async def add(self, request: Request) -> Response:
        """Add the browser whose subscription is the body."""
        await run_in_threadpool(self._owner, request)
        try:
            wanted = await read(request, BrowserSubscription)
            await run_in_threadpool(self._add, request, wanted)
        except Refused as refused:
            return JSONResponse({"error": refused.sentence}, refused.status, PRIVATE)
        return nothing()

    def _add(self, request: Request, wanted: BrowserSubscription) -> None:
        check(wanted, self._allowed)
        name = self._owner(request)
        with engine_of(self._settings).begin() as connection:
            devices.add(connection, name, wanted.endpoint, wanted.keys.model_dump(), clock(connection))

    def _owner(self, request: Request) -> str:
        reference = request.path_params["reference"]
        with engine_of(self._settings).connect() as connection:
            return devices.owner(connection, self._settings, reference, clock(connection))


def _page(language: Words) -> str:
    _ = language.gettext
    said = {
        "wait": _("One moment…"),
        "done": _("Done. Go back to the dashboard and send the test."),
        "unable": _(
            "This browser can't receive messages here. It takes https, and on an iPhone an installed app."
        ),
        "denied": _(
            "The browser doesn't allow messages from this site. Allow them in its settings, and try again."
        ),
        "keyless": _("No VAPID key is set, so nothing can be sent: see VAPID_PRIVATE_KEY."),
        "expired": _("This link has expired. Make a new one in the dashboard."),
        "refused": _("The browser's push service isn't one that messages may be sent to."),
        "failed": _("The browser couldn't reach its push service. Try again later."),
    }
    return page(
        language,
        _("Send tests to this browser"),
        _CONTENT.format(
            text=html.escape(
                _("Messages that you test in the dashboard will be shown here, as users see them on a phone.")
            ),
            button=html.escape(_("Add this browser")),
            said=" ".join(f'data-{name}="{html.escape(text)}"' for name, text in said.items()),
        ),
    )
