"""What became of deliveries, and why, in words: the name of each cause, and what to do about it."""

from __future__ import annotations

from reengagement.words import Words

Told = tuple[str, str]
"""The name of a cause, and a sentence on what to do."""


def state(words: Words, name: str) -> str:
    """Return the name of a delivery's state."""
    return {
        "queued": words.pgettext("delivery", "waiting"),
        "claimed": words.pgettext("delivery", "taken by a worker"),
        "posting": words.pgettext("delivery", "being sent"),
        "accepted": words.pgettext("delivery", "accepted"),
        "gone": words.pgettext("delivery", "phone gone"),
        "rejected": words.pgettext("delivery", "rejected"),
        "expired": words.pgettext("delivery", "too late"),
        "unsupported": words.pgettext("delivery", "not Web Push"),
        "suppressed": words.pgettext("delivery", "held back"),
        "unknown": words.pgettext("delivery", "unknown"),
    }[name]


def cause(words: Words, state_name: str, reason: str | None) -> Told:
    """Return what happened and what to do, for each reason that the code writes; any other as it is."""
    known = _unknown(words) | _own(words) | _network(words)
    bare = (reason or "").removeprefix("gave_up_")
    name, advice = known.get(bare) or _answered(words, bare) or (bare or state(words, state_name), "")
    if state_name == "queued" and bare != "resent":
        advice = words.gettext("It is tried again by itself; the button tries at once.")
    elif reason and reason.startswith("gave_up_"):
        name = words.gettext("{cause}, five times").format(cause=name)
        advice = words.gettext(
            "The push service was out of order for long. Send it again while it is in time."
        )
    return name, advice


def _unknown(words: Words) -> dict[str, Told]:
    """Those of which nobody knows whether they arrived."""
    _ = words.gettext
    again = _("It may have arrived, so it isn't sent again by itself. Wait for a click, or send it again.")
    return {
        "worker_lost": (_("A worker was killed while sending"), again),
        "stopped": (_("A worker was stopped before the answer came"), again),
        "timeout": (_("No answer came in time"), again),
        "reset": (_("The connection broke before the answer came"), again),
        "malformed": (_("The answer could not be read"), again),
    }


def _own(words: Words) -> dict[str, Told]:
    """Those that never left."""
    _ = words.gettext
    nothing = _("Nothing to do.")
    return {
        "returned": (_("The user came back before it left"), nothing),
        "opted_out": (_("The user wants no more reminders"), nothing),
        "closed": (_("The campaign was closed before it left"), nothing),
        "too_late": (
            _("It waited longer than it may"),
            _("Were the consumers running? Start more of them, or raise the limit of hours in the settings."),
        ),
        "no_subscription": (_("The phone unsubscribed before it left"), nothing),
        "invalid_endpoint": (_("The browser has given the subscription up"), nothing),
        "bad_keys": (
            _("The subscription's keys can't be read"),
            _("It subscribes anew at its next visit. If there are many, see how the product saves keys."),
        ),
        "not_allowed": (
            _("The address is of no known push service"),
            _("If it is right, name its origin in REENGAGEMENT_PUSH_ORIGINS."),
        ),
        "payload_size": (_("The message is too large"), _("That is a fault of ours: please report it.")),
        "bad_payload": (
            _("The message could not be made"),
            _("The log names the delivery: please report it."),
        ),
        "expo": (_("A phone of Expo"), _("Not Web Push: the product's own sender reaches it.")),
        "rustore": (_("A phone of RuStore"), _("Not Web Push: the product's own sender reaches it.")),
        "resent": (_("Sent again by hand"), nothing),
        "confirmed": (_("Known to have arrived: it was shown or pressed"), nothing),
    }


def _network(words: Words) -> dict[str, Told]:
    """Those whose push service was never reached."""
    _ = words.gettext
    look = _("Can the consumers' machine reach the internet? See its name server and its firewall.")
    return {
        "dns": (_("The push service's name can't be resolved"), look),
        "connect": (_("The push service can't be reached"), look),
        "tls": (_("No safe connection to the push service"), look),
        "private_address": (_("The push service's name leads to a private address"), look),
    }


def _answered(words: Words, reason: str) -> Told | None:
    """Return what a push service's answer means, by its HTTP status."""
    _ = words.gettext
    if not reason.startswith("http_"):
        return None
    status = reason.removeprefix("http_")
    told = {
        "400": (
            _("The push service finds fault with the request"),
            _("If there are many, the subscriptions are of another key: has VAPID_PRIVATE_KEY changed?"),
        ),
        "401": (_("The push service doesn't accept our key"), _("See VAPID_PRIVATE_KEY and VAPID_SUBJECT.")),
        "403": (_("The push service doesn't accept our key"), _("See VAPID_PRIVATE_KEY and VAPID_SUBJECT.")),
        "404": (_("The phone unsubscribed"), _("Its subscription was removed. Nothing to do.")),
        "410": (_("The phone unsubscribed"), _("Its subscription was removed. Nothing to do.")),
        "413": (_("The message is too large"), _("That is a fault of ours: please report it.")),
        "429": (
            _("The push service asks us to slow down"),
            _("Set a limit a second in the settings (pushes_per_second)."),
        ),
        "406": (
            _("The push service asks us to slow down"),
            _("Set a limit a second in the settings (pushes_per_second)."),
        ),
    }.get(status)
    if told is None and status.startswith("5"):
        told = (_("The push service is out of order"), _("Wait: it is theirs to mend."))
    if told is None:
        told = (_("The push service answered"), _("See what the push service says of this status."))
    return f"{told[0]} ({status})", told[1]
