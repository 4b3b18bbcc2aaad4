"""What an alert says, in one language and as plain text: on pages, in messages, on the command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from reengagement.alerts.conditions import Details, rate_of
from reengagement.naming import message_type
from reengagement.stats import Rate
from reengagement.words import NOTHING, Words

PAGES: Mapping[str, str] = {
    "no_consumer": "queue",
    "run_failed": "runs",
    "run_missing": "runs",
    "refused": "queue",
    "struck": "queue",
    "waiting_long": "queue",
    "no_new_campaigns": "campaigns",
    "return_rate": "overview",
    "click_rate": "overview",
}
"""The page that helps with a kind."""

FIRST_PAGE = "overview"


def query(details: Details) -> dict[str, str]:
    """Return what stands in the address of the page that helps: the push service that an alert is about."""
    return {"service": details["origin"]} if "origin" in details else {}


LONGEST_ERROR = 300


@dataclass(frozen=True)
class Sentences:
    """`title` is what is amiss; `more` has its cause and what to do, each a sentence or two."""

    title: str
    more: tuple[str, ...]


def say(words: Words, kind: str, details: Details, zone: ZoneInfo) -> Sentences:
    """Return what an alert of this kind says; times are of `zone`."""
    return {
        "no_consumer": _no_consumer,
        "run_failed": _run_failed,
        "run_missing": _run_missing,
        "refused": _refused,
        "struck": _struck,
        "waiting_long": _waiting_long,
        "no_new_campaigns": _no_new_campaigns,
        "return_rate": _return_rate,
        "click_rate": _click_rate,
    }[kind](words, details, zone)


def _moment(words: Words, details: Details, name: str, zone: ZoneInfo) -> str:
    return words.moment(datetime.fromisoformat(details[name]), zone)


def _no_consumer(words: Words, details: Details, zone: ZoneInfo) -> Sentences:
    _ = words.gettext
    return Sentences(
        _("No consumer is running, so nothing is sent."),
        (_("Start one where the dashboard runs: make worker"),),
    )


def _run_failed(words: Words, details: Details, zone: ZoneInfo) -> Sentences:
    _ = words.gettext
    error = str(details["error"])[:LONGEST_ERROR].rstrip(".") + "."
    title = _("The run of {when} failed. Nothing of it was written.")
    more = _("Mend what it names, then run the planner again.")
    return Sentences(title.format(when=_moment(words, details, "at", zone)), (error, more))


def _run_missing(words: Words, details: Details, zone: ZoneInfo) -> Sentences:
    _ = words.gettext
    title = _("Today's run hasn't taken place: it was due {when}.")
    return Sentences(
        title.format(when=_moment(words, details, "due", zone)),
        (_("Consumers start it. See whether one is running; run the planner by hand if it is urgent."),),
    )


def _refused(words: Words, details: Details, zone: ZoneInfo) -> Sentences:
    _ = words.gettext
    return Sentences(
        _("{origin} refuses our reminders.").format(origin=details["origin"].removeprefix("https://")),
        (
            words.ngettext(
                "{n} request in a row was answered with 400, 401 or 403.",
                "{n} requests in a row were answered with 400, 401 or 403.",
                details["refusals"],
            ),
            _(
                "That is most likely our own fault: a wrong VAPID key or a wrong clock. Its reminders wait; "
                "one is tried every 15 minutes."
            ),
        ),
    )


def _struck(words: Words, details: Details, zone: ZoneInfo) -> Sentences:
    _ = words.gettext
    statuses = ", ".join(f"{status}: {words.number(n)}" for status, n in details["by_status"].items())
    rejected = words.ngettext(
        "{n} subscription was rejected within a day, by the last answer to each",
        "{n} subscriptions were rejected within a day, by the last answer to each",
        sum(details["by_status"].values()),
    )
    return Sentences(
        _("{origin} rejects many subscriptions.").format(origin=details["origin"].removeprefix("https://")),
        (
            f"{rejected}: {statuses}.",
            _(
                "So many at once look like our own fault: were the VAPID keys changed? Subscriptions that "
                "were made with the old ones can't be used any more; after five rejections in a row they "
                "are removed."
            ),
        ),
    )


def _waiting_long(words: Words, details: Details, zone: ZoneInfo) -> Sentences:
    _ = words.gettext
    left = words.ngettext(
        "{n} reminder is waiting to be sent", "{n} reminders are waiting to be sent", details["n"]
    )
    return Sentences(
        _("A reminder has waited for more than an hour: the oldest since {when}.").format(
            when=_moment(words, details, "since", zone)
        ),
        (f"{left}.", _("Are there consumers enough? Is a push service held back?")),
    )


def _no_new_campaigns(words: Words, details: Details, zone: ZoneInfo) -> Sentences:
    _ = words.gettext
    title = _("No campaign has been opened for more than 7 days, since {when}.")
    why = {"planner": _planner_stands, "paused": _paused, "nobody": _nobody}[details["why"]]
    return Sentences(title.format(when=_moment(words, details, "since", zone)), why(words, details, zone))


def _planner_stands(words: Words, details: Details, zone: ZoneInfo) -> tuple[str, ...]:
    _ = words.gettext
    if details["last_done"] is None:
        return (_("The planner isn't running: no run was ever done."),)
    text = _("The planner isn't running: its last run was done {when}.")
    return (text.format(when=_moment(words, details, "last_done", zone)),)


def _paused(words: Words, details: Details, zone: ZoneInfo) -> tuple[str, ...]:
    text = words.gettext("Sending is paused since {when}.")
    return (text.format(when=_moment(words, details, "paused_since", zone)),)


def _nobody(words: Words, details: Details, zone: ZoneInfo) -> tuple[str, ...]:
    _ = words.gettext
    free = details["inactive"] - sum(details["held_back"].values())
    if not details["inactive"]:
        return (_("Nobody is eligible: no user is inactive."),)
    inactive = words.ngettext("{n} user is inactive", "{n} users are inactive", details["inactive"])
    if free > 0:
        return (_("{users}; the next run opens their campaigns.").format(users=inactive),)
    return (_("Nobody is eligible: {users}, and all are held back.").format(users=inactive),)


def _click_rate(words: Words, details: Details, zone: ZoneInfo) -> Sentences:
    _ = words.gettext
    title = _("Click rate below {threshold}: {rate}")
    matured = _("Of those sent 72 hours ago or earlier, in 28 days: {rate}.")
    return _low_rate(words, details, title, matured)


def _return_rate(words: Words, details: Details, zone: ZoneInfo) -> Sentences:
    _ = words.gettext
    title = _("Return rate below {threshold}: {rate}")
    matured = _("Of those whose time to return is over, in 28 days: {rate}.")
    return _low_rate(words, details, title, matured)


def _low_rate(words: Words, details: Details, title: str, matured: str) -> Sentences:
    _ = words.gettext
    threshold = words.percent(details["threshold"])
    moved = details["moved"]
    cause = _moved(words, moved) if moved else _("No single level, type or push service stands out.")
    return Sentences(
        title.format(threshold=threshold, rate=rate(words, rate_of(details["plain"]))),
        (matured.format(rate=rate(words, rate_of(details["matured"]))), cause),
    )


def rate(words: Words, rate: Rate) -> str:
    """Return a rate with what it stands on: 3.2% (2 of 63), and a word where that is too few."""
    if not rate.n:
        return NOTHING
    counts = words.gettext("{hits} of {n}").format(hits=words.number(rate.hits), n=words.number(rate.n))
    few = f", {words.gettext('too few to tell')}" if rate.too_few else ""
    return f"{words.percent(rate.share)} ({counts}{few})"


def _moved(words: Words, moved: Mapping[str, Any]) -> str:
    text = words.gettext("What fell most against the 28 days before: {what}, from {before} to {lately}.")
    return text.format(
        what=_name(words, moved["dimension"], moved["value"]),
        before=words.percent(rate_of(moved["before"]).share),
        lately=words.percent(rate_of(moved["lately"]).share),
    )


def _name(words: Words, dimension: str, value: str) -> str:
    _ = words.gettext
    if dimension == "level":
        return _("level {number}").format(number=value)
    if dimension == "type":
        return _("type “{name}”").format(name=message_type(words, value))
    return _("push service {origin}").format(origin=value.removeprefix("https://"))
