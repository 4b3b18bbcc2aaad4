"""What the stored words of the domain are called on a page."""

from __future__ import annotations

import re

from reengagement.naming import message_type as message_type
from reengagement.stats import Rate
from reengagement.words import Words


def level(words: Words, number: int) -> str:
    """Return the name of a level."""
    return words.gettext("Level {number}").format(number=number)


def rate(words: Words, rate: Rate) -> str:
    """Return a rate as percent, with a word where it stands on too few to tell."""
    share = words.percent(rate.share)
    return f"{share} · {words.gettext('too few to tell')}" if rate.n and rate.too_few else share


def points(words: Words, difference: float) -> str:
    """Return a difference of shares in percentage points, with its sign."""
    return words.gettext("{number} pp").format(number=words.signed(difference * 100))


def campaign_status(words: Words, status: str) -> str:
    """Return the name of what became of a campaign."""
    return {
        "active": words.pgettext("campaign", "Active"),
        "returned": words.pgettext("campaign", "Returned"),
        "opted_out": words.pgettext("campaign", "Opted out"),
        "exhausted": words.pgettext("campaign", "Exhausted"),
    }[status]


def run_state(words: Words, state: str) -> str:
    """Return the name of how a run stands."""
    _ = words.gettext
    return {
        "running": _("running"),
        "done": _("done"),
        "failed": _("failed"),
        "crashed": _("crashed"),
        "already_running": _("met another run"),
    }[state]


SIGNS = {"running": "⏳", "done": "✓", "failed": "✗", "crashed": "✗", "already_running": "–"}


def run_state_with_sign(words: Words, state: str) -> str:
    """Return how a run stands, with a sign that is seen before the word is read."""
    return f"{SIGNS[state]} {run_state(words, state)}"


def stage(words: Words, name: str) -> str:
    """Return what a run does in its stage `name` (`planner.STAGES`)."""
    _ = words.gettext
    return {
        "activity": _("Reading activity"),
        "closing": _("Looking for users who came back"),
        "opening": _("Looking for inactive users"),
        "due": _("Working out which reminders are due"),
        "composing": _("Writing the texts"),
        "writing": _("Saving"),
    }.get(name, name)


def action(words: Words, what: str) -> str:
    """Return the name of what someone did (`auditing.ACTIONS`); a later version's is shown as stored."""
    _ = words.gettext
    return {
        "signed_in": _("signed in"),
        "sign_in_refused": _("sign-in refused"),
        "signed_out": _("signed out"),
        "run": _("ran the planner"),
        "paused": _("paused sending"),
        "resumed": _("resumed sending"),
        "text_edited": _("edited a text"),
        "text_enabled": _("switched a text on"),
        "text_disabled": _("switched a text off"),
        "test_sent": _("sent a test message"),
        "text_tried": _("sent a text to their own device"),
        "device_added": _("added a device for tests"),
        "device_removed": _("removed a device for tests"),
        "retried": _("had a delivery tried again"),
        "resent": _("resent a reminder"),
        "rule_changed": _("changed a rule"),
    }.get(what, what)


def actor(words: Words, who: str) -> str:
    """Return the name of who did something; that of an account stays as it is."""
    _ = words.gettext
    return {"stranger": _("someone unknown"), "command line": _("command line")}.get(who, who)


def detail(words: Words, name: str, value: object) -> str:
    """Return one detail of a note in the audit trail; one without a name is shown as it is stored."""
    _ = words.gettext
    known = {
        "account": _("account"),
        "door": _("by"),
        "name": _("of"),
        "notification": _("reminder"),
        "outcome": _("outcome"),
        "push_service": _("push service"),
        "revision": _("revision"),
        "rule": _("rule"),
        "run": _("run"),
        "sessions": _("sessions"),
        "variant": _("text"),
    }
    doors = {
        "link": _("one-time link"),
        "accounts": _("the product's account"),
        "oidc": _("sign-in service"),
        "demo": _("the demo's button"),
    }
    shown = doors.get(str(value), value) if name == "door" else value
    if name == "outcome":
        shown = delivery_state(words, str(value))
    return f"{known.get(name, name)}: {shown}"


def starter(words: Words, kind: str, started_by: str) -> str:
    """Return who or what started a run."""
    if kind == "scheduled":
        return words.gettext("by the schedule")
    return words.gettext("by hand: {name}").format(name=started_by)


def held_back_reason(words: Words, reason: str) -> str:
    """Return in a few words why an inactive user gets no campaign (`audience.HELD_BACK`)."""
    _ = words.gettext
    return {
        "has_campaign": _("Held back: has a campaign"),
        "too_few_steps": _("Held back: too few steps"),
        "opted_out": _("Held back: opted out"),
        "refused": _("Held back: refuses in the product"),
        "same_lapse": _("Held back: had every reminder"),
    }[reason]


def held_back(words: Words, reason: str, n: int) -> str:
    """Return a sentence on `n` users who are inactive and get no campaign (`audience.HELD_BACK`)."""
    return {
        "has_campaign": words.ngettext(
            "{n} inactive user already has a campaign.", "{n} inactive users already have a campaign.", n
        ),
        "too_few_steps": words.ngettext(
            "{n} inactive user has completed too few steps.",
            "{n} inactive users have completed too few steps.",
            n,
        ),
        "opted_out": words.ngettext(
            "{n} inactive user has opted out.", "{n} inactive users have opted out.", n
        ),
        "refused": words.ngettext(
            "{n} inactive user refuses reminders in the product's settings.",
            "{n} inactive users refuse reminders in the product's settings.",
            n,
        ),
        "same_lapse": words.ngettext(
            "{n} inactive user has had every reminder of this lapse.",
            "{n} inactive users have had every reminder of this lapse.",
            n,
        ),
    }[reason]


def kept_back(words: Words, reason: str, n: int) -> str:
    """Return a sentence on `n` campaigns that get no reminder now (`levels.KEPT_BACK`)."""
    return {
        "holdout": words.ngettext(
            "{n} campaign is in the holdout: it is watched, and nothing is sent.",
            "{n} campaigns are in the holdout: they are watched, and nothing is sent.",
            n,
        ),
        "in_hand": words.ngettext(
            "{n} campaign has the reminder of its level: it waits in the queue, or was the last.",
            "{n} campaigns have the reminders of their levels: these wait in the queue, or were the last.",
            n,
        ),
        "refused": words.ngettext(
            "{n} campaign's user refuses reminders in the product's settings.",
            "{n} campaigns' users refuse reminders in the product's settings.",
            n,
        ),
        "too_soon": words.ngettext(
            "{n} campaign's next level isn't due yet.", "{n} campaigns' next levels aren't due yet.", n
        ),
    }[reason]


def arm(words: Words, name: str) -> str:
    """Return the name of an arm of the holdout experiment."""
    return {
        "treated": words.pgettext("arm", "Is reminded"),
        "holdout": words.pgettext("arm", "Holdout"),
    }[name]


def delivery_state(words: Words, state: str) -> str:
    """Return the name of a delivery's state (`tables.OPEN_STATES`, `tables.FINAL_STATES`)."""
    return {
        "queued": words.pgettext("delivery", "Waiting"),
        "claimed": words.pgettext("delivery", "Taken by a worker"),
        "posting": words.pgettext("delivery", "Being sent"),
        "accepted": words.pgettext("delivery", "Accepted"),
        "gone": words.pgettext("delivery", "Subscription gone"),
        "rejected": words.pgettext("delivery", "Rejected"),
        "expired": words.pgettext("delivery", "Expired"),
        "unsupported": words.pgettext("delivery", "Not Web Push"),
        "suppressed": words.pgettext("delivery", "Held back"),
        "unknown": words.pgettext("delivery", "Unknown"),
    }[state]


def outcome(words: Words, name: str) -> str:
    """Return the name of what became of a reminder (`tables.OUTCOMES`)."""
    return {
        "sent": words.pgettext("reminder", "Sent"),
        "unknown": words.pgettext("reminder", "Perhaps arrived"),
        "failed": words.pgettext("reminder", "Failed"),
        "expired": words.pgettext("reminder", "Expired"),
        "suppressed": words.pgettext("reminder", "Held back"),
        "unreachable": words.pgettext("reminder", "Unreachable"),
    }[name]


def reason(words: Words, name: str) -> str:
    """Return why a delivery is in its state (`tables.REASONS`); an unknown word is shown as it is stored."""
    _ = words.gettext
    if name.startswith("gave_up_"):
        return _("five tries failed, the last one: {reason}").format(
            reason=reason(words, name.removeprefix("gave_up_"))
        )
    if status := re.fullmatch(r"http_([0-9]{3})", name):
        return _answer(words, int(status[1]))
    return {
        "opted_out": _("the user wants no more reminders"),
        "returned": _("the user came back"),
        "closed": _("the campaign had been closed"),
        "too_late": _("it was too late for it to leave"),
        "no_subscription": _("the user had no such subscription any more"),
        "invalid_endpoint": _("the browser had given the subscription up"),
        "bad_keys": _("the subscription's keys can't be used"),
        "not_allowed": _("the address is no push service that we know"),
        "private_address": _("the push service's name leads into a private network"),
        "payload_size": _("the text is too long for a push message"),
        "bad_payload": _("the text can't be made into a push message"),
        "dns": _("the push service's name wasn't found"),
        "tls": _("no safe connection to the push service"),
        "connect": _("the push service couldn't be reached"),
        "timeout": _("the push service gave no answer in time"),
        "reset": _("the connection broke off before the answer"),
        "malformed": _("the push service's answer couldn't be read"),
        "stopped": _("the worker was stopped before the answer came"),
        "worker_lost": _("the worker was lost before the answer came"),
        "resent": _("sent again by hand"),
        "confirmed": _("it was shown or pressed, so it had arrived"),
        "expo": _("a subscription of Expo, which we can't send to"),
        "rustore": _("a subscription of RuStore, which we can't send to"),
    }.get(name, name)


def _answer(words: Words, status: int) -> str:
    """Return what the status of a push service's answer means."""
    _ = words.gettext
    if 200 <= status < 300:
        return _("the push service took it ({status})").format(status=status)
    known = {
        401: _("the push service refused our key (401)"),
        403: _("the push service refused our key (403)"),
        404: _("the push service knows no such subscription (404)"),
        410: _("the subscription has ended (410)"),
        413: _("the push service found the message too large (413)"),
        429: _("the push service asked us to slow down (429)"),
    }
    if status >= 500:
        return known.get(status, _("the push service had trouble ({status})").format(status=status))
    return known.get(status, _("the push service answered {status}").format(status=status))
