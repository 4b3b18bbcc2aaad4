"""What the rules are called on a page, what they mean, and how their values are written."""

from __future__ import annotations

from typing import Any

from reengagement.rules import Source
from reengagement.words import Words

SHARES = ("holdout_share", "click_rate_threshold", "return_rate_threshold")
"""Rules that are written as percent."""


def name(words: Words, rule: str) -> str:
    """Return the name of a rule; one of another version is shown as it is stored."""
    return _names(words).get(rule, rule)


def meaning(words: Words, rule: str) -> str:
    """Return what a rule does, in a sentence."""
    return _meanings(words).get(rule, "")


def source(words: Words, where: Source) -> str:
    """Return where a rule comes from."""
    _ = words.gettext
    return {
        "default": _("default"),
        "database": _("set here"),
        "environment": _("environment: fixed"),
    }[where]


def requirement(words: Words, rule: str) -> str:
    """Return what a rule must be, for one that was refused."""
    _ = words.gettext
    return {
        "level_days": _("four rising numbers of days, the first at least 1"),
        "look_back_days": _("longer than the first level's day, or nobody is ever found"),
        "run_at": _("earlier in the day than the time until which a missed run is made up"),
        "run_until": _("later in the day than the daily run"),
    }.get(rule, _("this value can't be used"))


def value(words: Words, rule: str, stored: Any) -> str:
    """Return a value, as stored or typed, in the visitor's language."""
    if rule in SHARES and isinstance(stored, int | float):
        return words.percent(stored)
    if isinstance(stored, bool):
        return words.gettext("yes") if stored else words.gettext("no")
    if isinstance(stored, list | tuple):
        return " / ".join(words.number(day) for day in stored)
    if isinstance(stored, int | float):
        return words.number(stored)
    return str(stored).removesuffix(":00") if rule in ("run_at", "run_until") else str(stored)


def _names(words: Words) -> dict[str, str]:
    _ = words.gettext
    return {
        "level_days": _("Days of the levels"),
        "min_completed_steps": _("Completed steps needed"),
        "look_back_days": _("Look-back, days"),
        "gap_days": _("Gap between reminders, days"),
        "run_at": _("Daily run at"),
        "run_until": _("Made up until"),
        "timezone": _("Time zone"),
        "honour_host_settings": _("Honour the product's own switch"),
        "holdout_share": _("Held out, share of users"),
        "expiry_hours": _("Dropped after, hours"),
        "pushes_per_second": _("Pushes a second"),
        "click_rate_threshold": _("Alert below this click rate"),
        "return_rate_threshold": _("Alert below this return rate"),
    }


def _meanings(words: Words) -> dict[str, str]:
    _ = words.gettext
    return {
        "level_days": _(
            "Days after the last activity at which levels 1 to 4 are due; "
            "the first is also when a user counts as inactive."
        ),
        "min_completed_steps": _("Users with fewer completed steps, ever, are not reminded."),
        "look_back_days": _("A campaign is opened only for users active within so many days."),
        "gap_days": _("At least so many days lie between two reminders to one user; 0 turns it off."),
        "run_at": _("Local time of the daily run."),
        "run_until": _("A missed run is made up until this time; later it would wake people."),
        "timezone": _("The time zone of the schedule, of days and of charts."),
        "honour_host_settings": _(
            "Whether users who refuse reminders in the product's settings are left alone."
        ),
        "holdout_share": _(
            "For so many users campaigns are recorded and nothing is sent, to measure what reminders bring."
        ),
        "expiry_hours": _("A reminder that couldn't be sent within so many hours is dropped."),
        "pushes_per_second": _(
            "At most so many a second to one push service; 0 is as fast as it takes them."
        ),
        "click_rate_threshold": _("Below it the dashboard flags the click rate."),
        "return_rate_threshold": _("Below it the dashboard flags the return rate."),
    }
