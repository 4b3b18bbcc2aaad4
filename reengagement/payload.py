"""The message that a phone's service worker is given, small enough for every push service."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import regex

from reengagement.vapid import base64url

PAYLOAD_LIMIT = 2000
"""Bytes of a payload; push services take 3,993, and long texts are cut on every screen anyway."""
OPT_OUT = "Больше не напоминать"
"""The button beside a reminder, in the language of the texts."""
LONGEST_SIGN = 64
"""Code points looked at beyond a cut, to see whether it splits a sign."""


def topic_of(key: str) -> str:
    """Return a topic of 32 characters: Apple refuses lengths of 1 mod 4, the standard more than 32."""
    return base64url(hashlib.sha256(key.encode()).digest()[:24])


def payload_of(
    title: str, body: str, *, tag: str, click_url: str, shown_url: str, landing_url: str, opt_out_url: str
) -> bytes:
    """Return the JSON for the service worker, at most PAYLOAD_LIMIT bytes; long texts end in an ellipsis.

    It is a declarative message as well (`web_push`, `navigate`): Safari shows it without running the worker.
    """
    data = {"clickUrl": click_url, "shownUrl": shown_url, "optOutUrl": opt_out_url, "optOutTitle": OPT_OUT}
    notification = {"title": title, "body": body, "tag": tag, "navigate": landing_url, "data": data}
    payload = _json({"web_push": 8030, "notification": notification})
    if len(payload) <= PAYLOAD_LIMIT:
        return payload
    room = PAYLOAD_LIMIT - len(payload) + len(_json(title)) + len(_json(body)) - 4
    if room < 0:
        raise ValueError("The links of a notification leave no room for its text.")
    notification["title"] = _clip(title, room // 3)
    notification["body"] = _clip(body, room - len(_json(notification["title"])) + 2)
    return _json({"web_push": 8030, "notification": notification})


_encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
"""Made once: `json.dumps` with options makes one a call, which is 2 % of a drain."""


def _json(value: Any) -> bytes:
    return _encoder.encode(value).encode("utf-8", "replace")


def _clip(text: str, room: int) -> str:
    """Return `text`, or as much of it as fits with an ellipsis into `room` bytes of JSON."""
    if len(_json(text)) - 2 <= room:
        return text
    low, high = 0, min(len(text), room)
    while low < high:
        middle = (low + high + 1) // 2
        fits = len(_json(text[:middle] + "…")) - 2 <= room
        low, high = (middle, high) if fits else (low, middle - 1)
    kept = _whole_signs(text, low).rstrip()
    return f"{kept}…" if low else ""


def _whole_signs(text: str, end: int) -> str:
    """Return `text` up to `end`, less a sign (an emoji, a letter with its accent) that this cuts in two."""
    whole = 0
    for sign in regex.finditer(r"\X", text[: end + LONGEST_SIGN]):
        if sign.end() > end:
            break
        whole = sign.end()
    return text[:whole]
