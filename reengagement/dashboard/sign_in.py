"""The sign-in page: the doors that are open, and nothing else. It reads no database."""

from __future__ import annotations

import html

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from reengagement import sessions, settings
from reengagement.dashboard import language, routes
from reengagement.words import Words

NEW_LINK_COMMAND = "python -m reengagement sign-in-link"

STYLE = """<style>
.door { display: flex; flex-direction: column; gap: 0.9rem; }
.door label { display: flex; flex-direction: column; gap: 0.3rem; font-size: 0.9rem; }
.door input { font: inherit; color: inherit; background: transparent; padding: 0.5rem 0.7rem;
  border: 1px solid color-mix(in srgb, currentColor 35%, transparent); border-radius: 0.5rem; }
.door button { font: inherit; font-weight: 600; align-self: flex-start; padding: 0.6rem 1.4rem; border: 0;
  border-radius: 0.5rem; color: #fff; background: #1f6f8b; cursor: pointer; }
.door input:focus-visible, .door button:focus-visible { outline: 2px solid #4ba3c3; outline-offset: 2px; }
</style>"""


def show(*, known_to_provider: bool = False) -> None:
    """Show how to get in; `known_to_provider`: the provider knows the visitor, and that wasn't enough."""
    words = language.chosen()
    current = settings.load()
    with _card():
        st.title(words.gettext("Sign in"), anchor=False)
        _show_refusal(st.query_params.get(sessions.REFUSED), known_to_provider, words)
        if current.demo:
            _show_demo(words)
        shown = [door for door in ("accounts", "oidc", "link") if door in current.sign_in]
        if current.demo and shown == ["link"]:
            return
        for door in shown:
            DOORS[door](words)


def show_out_of_order() -> None:
    """Show a stranger that something is wrong, and no more than that: details are in the log."""
    _ = language.chosen().gettext
    with _card():
        st.title(_("Out of order"), anchor=False)
        st.error(_("The database can't be used at the moment. The log of the dashboard says why."))


def _show_refusal(why: str | None, known_to_provider: bool, words: Words) -> None:
    _ = words.gettext
    if known_to_provider:
        st.warning(
            _(
                "The sign-in service knows you, but that gives no entry: you signed out here, it was too "
                "long ago, or that account is no admin's. Sign in again."
            )
        )
    reasons = {
        routes.BAD_LINK: _("This link was used already, or it has expired. Ask for a new one."),
        routes.BAD_ACCOUNT: _("That name and password don't fit together, or that account is no admin's."),
        routes.TOO_MANY: _("Too many attempts. Try again in a quarter of an hour."),
    }
    if why in reasons:
        st.warning(reasons[why])


def _show_demo(words: Words) -> None:
    """Show a form rather than a Streamlit button: only an HTTP answer can set a cookie."""
    st.write(words.gettext("This is a demo with invented people. Anyone may look around."))
    _show_form("demo", words.gettext("Sign in to the demo"))


def _show_accounts(words: Words) -> None:
    """Show the form. Streamlit takes the attribute away from a field called `name`, as the form is."""
    _ = words.gettext
    st.write(_("With your account of the product, if you are an admin there."))
    name, password = html.escape(_("User name or e-mail")), html.escape(_("Password"))
    fields = (
        f"<label>{name}"
        '<input name="account" autocomplete="username" autocapitalize="none" maxlength="200" required>'
        "</label>"
        f"<label>{password}"
        '<input name="password" type="password" autocomplete="current-password" maxlength="200" required>'
        "</label>"
    )
    _show_form("account", words.pgettext("button", "Sign in"), fields)


def _show_provider(words: Words) -> None:
    st.write(words.gettext("With the account that you use at work."))
    st.button(words.gettext("Continue to the sign-in service"), on_click=st.login, type="primary")


def _show_link(words: Words) -> None:
    st.write(
        words.gettext(
            "Open the one-time link that was printed when the dashboard started. "
            "It works once, within 24 hours. For a new one, run this where the dashboard runs:"
        )
    )
    st.code(NEW_LINK_COMMAND, language=None)


DOORS = {"accounts": _show_accounts, "oidc": _show_provider, "link": _show_link}


def _show_form(route: str, label: str, fields: str = "") -> None:
    action = f"{sessions.PATH}/{route}?lang={language.chosen().code}"
    st.html(
        f'{STYLE}<form class="door" method="post" action="{action}">{fields}'
        f'<button type="submit">{html.escape(label)}</button></form>'
    )


def _card() -> DeltaGenerator:
    with st.container(horizontal_alignment="center"):
        st.space("large")
        return st.container(border=True, width=520)
