"""What stored words are called, where alerts name them as well as pages."""

from __future__ import annotations

from reengagement.words import Words


def message_type(words: Words, name: str) -> str:
    """Return the name of a message type; one of an older system is shown as it is stored."""
    _ = words.gettext
    known = {
        "emotional": _("Emotional"),
        "educational": _("Educational"),
        "motivational": _("Motivational"),
        "mixed": _("Mixed"),
    }
    return known.get(name, name)
