"""`/opt-out/{reference}`: a page on which a user says *no more reminders*, and takes it back (A4)."""

from __future__ import annotations

import html

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from reengagement import opting_out, references
from reengagement.database import clock, engine_of
from reengagement.http.answering import PRIVATE, careful
from reengagement.http.plain_page import page, policy
from reengagement.settings import Settings
from reengagement.words import Words, best_language, words

_CONTENT = """<p>{text}</p>
<form method="post" action="{action}"><button>{button}</button></form>"""


def routes(settings: Settings) -> list[BaseRoute]:
    """Return `GET` and `POST /opt-out/{reference}`, and `POST /opt-out/{reference}/undo`.

    Only a press changes anything: mail scanners and previews open links.
    """
    shown = Page(settings)
    return [
        Route("/opt-out/{reference}", careful(shown.show), methods=["GET"]),
        Route("/opt-out/{reference}", careful(shown.stop), methods=["POST"]),
        Route("/opt-out/{reference}/undo", careful(shown.undo), methods=["POST"]),
    ]


class Page:
    """The page of one installation."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def show(self, request: Request) -> Response:
        """Show whether reminders come, and the button that changes it."""
        with engine_of(self._settings).connect() as connection:
            out = opting_out.is_out(connection, self._user_of(connection, request))
        language = words(best_language(request.headers.get("accept-language", "").partition(",")[0]))
        return HTMLResponse(
            _page(out, request.path_params["reference"], language), headers=PRIVATE | policy()
        )

    def stop(self, request: Request) -> Response:
        """Send this user no more."""
        with engine_of(self._settings).begin() as connection:
            opting_out.go_out(connection, self._user_of(connection, request), clock(connection))
        return _back(request)

    def undo(self, request: Request) -> Response:
        """Send this user reminders again."""
        with engine_of(self._settings).begin() as connection:
            opting_out.come_back(connection, self._user_of(connection, request))
        return _back(request)

    def _user_of(self, connection: Connection, request: Request) -> str:
        secret = references.secret_of(connection, self._settings)
        reference = request.path_params["reference"]
        return references.read(secret, reference, clock(connection), "opt-out")


def _back(request: Request) -> Response:
    """Return the way back to the page, so that reloading it presses nothing."""
    path = request.url.path.removesuffix("/undo")
    return RedirectResponse(path, 303, PRIVATE)


def _page(out: bool, reference: str, language: Words) -> str:
    _ = language.gettext
    if out:
        title, button = _("You get no more reminders"), _("Remind me again")
        text = _("If you change your mind, press the button: this page works for a year.")
    else:
        title, button = _("No more reminders?"), _("Don't remind me any more")
        text = _("You won't be sent reminders to come back. You can undo this on this page.")
    action = f"{reference}/undo" if out else reference
    texts = {"text": text, "button": button, "action": action}
    return page(
        language, title, _CONTENT.format(**{name: html.escape(value) for name, value in texts.items()})
    )
