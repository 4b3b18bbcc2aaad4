"""Text that isn't ours inside Markdown."""

from __future__ import annotations

import re

JOINER = "\u2060"
"""Has no width: it keeps addresses from becoming links, which no backslash does."""

_ADDRESS = re.compile(r"(://|@|\bwww\.)", re.IGNORECASE)
_MEANING = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~:$&/@=\"'])")


def escaped(text: str) -> str:
    """Return the text such that Markdown shows it as it is, on one line: no link, no formula, no colour."""
    line = _ADDRESS.sub(lambda found: f"{found[0][:1]}{JOINER}{found[0][1:]}{JOINER}", " ".join(text.split()))
    return _MEANING.sub(r"\\\1", line)
