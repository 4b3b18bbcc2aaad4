"""What to do about deliveries that weren't accepted: a sentence for each reason."""

from __future__ import annotations

from reengagement.words import Words

NEVER_LEFT = ("returned", "opted_out", "closed", "no_subscription", "invalid_endpoint", "resent", "confirmed")
NOBODY_KNOWS = ("worker_lost", "stopped", "timeout", "reset", "malformed")
NOT_REACHED = ("dns", "connect", "tls", "private_address")


def advice(words: Words, state: str, reason: str | None) -> str:
    """Return what to do about deliveries of this state and reason."""
    _ = words.gettext
    if state == "queued" and reason != "resent":
        return _("It is tried again by itself; the button tries at once.")
    if reason is None or reason in NEVER_LEFT:
        return _("Nothing to do.")
    if reason.startswith("gave_up_"):
        return _("The push service was out of order for long. Send it again while it is in time.")
    if reason in NOBODY_KNOWS:
        return _("It may have arrived, so it isn't sent again by itself. Wait for a click, or send it again.")
    if reason in NOT_REACHED:
        return _("Can the consumers' machine reach the internet? See its name server and its firewall.")
    if reason.startswith("http_"):
        return _about_an_answer(words, reason.removeprefix("http_"))
    return _about_ours(words).get(reason, _("The log says more."))


def _about_ours(words: Words) -> dict[str, str]:
    """Return what to do where the message never left."""
    _ = words.gettext
    elsewhere = _("Not Web Push: the product's own sender reaches it.")
    return {
        "too_late": _(
            "Were the consumers running? Start more of them, or raise the limit of hours in the settings."
        ),
        "bad_keys": _(
            "It subscribes anew at its next visit. If there are many, see how the product saves keys."
        ),
        "not_allowed": _("If it is right, name its origin in REENGAGEMENT_PUSH_ORIGINS."),
        "payload_size": _("That is a fault of ours: please report it."),
        "bad_payload": _("The log names the delivery: please report it."),
        "expo": elsewhere,
        "rustore": elsewhere,
    }


def _about_an_answer(words: Words, status: str) -> str:
    """Return what to do about a push service's answer of this HTTP status."""
    _ = words.gettext
    if status.startswith("5"):
        return _("Wait: it is theirs to mend.")
    return {
        "400": _("If there are many, the subscriptions are of another key: has VAPID_PRIVATE_KEY changed?"),
        "401": _("See VAPID_PRIVATE_KEY and VAPID_SUBJECT."),
        "403": _("See VAPID_PRIVATE_KEY and VAPID_SUBJECT."),
        "404": _("Its subscription was removed. Nothing to do."),
        "410": _("Its subscription was removed. Nothing to do."),
        "413": _("That is a fault of ours: please report it."),
        "429": _("Set a limit a second in the settings (pushes_per_second)."),
        "406": _("Set a limit a second in the settings (pushes_per_second)."),
    }.get(status, _("See what the push service says of this status."))
