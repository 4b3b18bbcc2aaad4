"""`/opt-out/{reference}`: a page on which a user says *no more reminders*, and takes it back (A4)."""

from __future__ import annotations

import html
from string import Template

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from reengagement import opting_out, references
from reengagement.database import clock, engine_of
from reengagement.http.answering import PRIVATE, careful
from reengagement.settings import Settings
from reengagement.words import Words, best_language, words

POLICY = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )
}

_PAGE = Template("""<!doctype html>
<html lang="$language">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>$title</title>
<style>
  :root { color-scheme: light dark; }
  body { font: 1.05rem/1.5 system-ui, sans-serif; max-width: 30rem; margin: 15vh auto; padding: 0 1.25rem; }
  h1 { font-size: 1.5rem; line-height: 1.25; }
  button { font: inherit; font-weight: 600; padding: .7rem 1.4rem; border: 0; border-radius: .5rem;
           color: #fff; background: #1f6f8b; cursor: pointer; }
  button:focus-visible { outline: 3px solid #d97706; outline-offset: 2px; }
</style>
<main>
<h1>$title</h1>
<p>$text</p>
<form method="post" action="$action"><button>$button</button></form>
</main>
</html>
""")


def routes(settings: Settings) -> list[BaseRoute]:
    """Return `GET` and `POST /opt-out/{reference}`, and `POST /opt-out/{reference}/undo`.

    Only a press changes anything: mail scanners and previews open links.
    """
    page = Page(settings)
    return [
        Route("/opt-out/{reference}", careful(page.show), methods=["GET"]),
        Route("/opt-out/{reference}", careful(page.stop), methods=["POST"]),
        Route("/opt-out/{reference}/undo", careful(page.undo), methods=["POST"]),
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
        return HTMLResponse(_page(out, request.path_params["reference"], language), headers=PRIVATE | POLICY)

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
    texts = {"title": title, "text": text, "button": button, "action": action, "language": language.code}
    return _PAGE.substitute({name: html.escape(value) for name, value in texts.items()})
