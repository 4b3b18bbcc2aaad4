"""What the stored words of the domain are called on a page."""

from __future__ import annotations

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
    sign = "+" if difference > 0 else "−" if difference < 0 else ""
    number = words.number(round(abs(difference) * 100, 1))
    return words.gettext("{number} pp").format(number=f"{sign}{number}")


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
        "test_sent": _("sent a test message"),
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
