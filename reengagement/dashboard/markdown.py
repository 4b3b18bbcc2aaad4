"""Text that isn't ours inside Markdown."""

from __future__ import annotations

import re

_MEANING = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~:$&/@=\"'])")


def escaped(text: str) -> str:
    """Return the text such that Markdown shows it as it is, on one line: no link, no formula, no colour."""
    return _MEANING.sub(r"\\\1", " ".join(text.split()))
