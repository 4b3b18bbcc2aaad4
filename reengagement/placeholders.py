"""Placeholders in a variant's text: what they need, how they are checked, how they are filled.

`{dogName}` stands for a text, `{stepsCompleted}` for a number, and `{stepsCompleted|шаг|шага|шагов}`
for a number with the Russian plural form that fits it. There is no way to write a literal brace.
Filling is a single pass: braces in a user's data are never expanded, and nothing is escaped (that
is the business of whoever displays it).
"""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from urllib.parse import urlsplit

import regex
from babel import Locale

from reengagement.errors import VariantError

NAME_LENGTH = 40
COURSE_LENGTH = 60
TITLE_LENGTH = 100
BODY_LENGTH = 250
URL_LENGTH = 200
LARGEST_NUMBER = 9_999_999
"""Lengths are in characters of the filled text; a push payload holds far more than title and body at most."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What may be said to one user. Names are as the host has them; None or blank is absent.

    `courses_completed`, `steps_completed` are the user's own, ever; `active_this_week`, `active_today`
    count the platform's users with a completed step in that time.
    """

    user_id: str
    user_name: str | None = None
    dog_name: str | None = None
    courses_completed: int = 0
    steps_completed: int = 0
    best_course: str | None = None
    active_this_week: int = 0
    active_today: int = 0


Value = Callable[[Facts], str]
"""Returns what stands in the place of a placeholder; "" if the user lacks it."""


@dataclass(frozen=True, slots=True)
class Placeholder:
    """One word that texts may use: where its value comes from, and how long it gets.

    `bit` marks it in a set of needs; `plural` tells whether it is a number.
    """

    name: str
    bit: int
    value: Value
    longest: int
    plural: bool


def clean(value: str | None, length: int) -> str:
    """Return a name of the host fit for one line of text: no controls, at most `length` code points.

    A longer one is cut before a whole grapheme, so that no emoji or accent is torn, and ends in "…".
    "" for None, for a blank, for what has nothing visible, and for a first grapheme that is too long.
    """
    if value is None:
        return ""
    if len(value) <= length and value.isprintable() and value[:1].isalnum():
        return value.strip()
    visible = regex.sub(r"[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control=Yes}]", " ", value[: length * 50])
    line = " ".join(visible.split())
    if not any(unicodedata.category(character)[0] not in "CZM" for character in line):
        return ""
    return line if len(line) <= length else _cut(line, length)


def _cut(line: str, length: int) -> str:
    """Return the whole graphemes of `line` that fit into `length - 1` code points, and "…"."""
    kept = ""
    for grapheme in regex.findall(r"\X", line):
        if len(kept) + len(grapheme) >= length:
            break
        kept += grapheme
    return f"{kept.rstrip()}…" if kept else ""


def _number(count: int) -> str:
    return str(count) if count >= 1 else ""


def _all() -> dict[str, Placeholder]:
    digits = len(str(LARGEST_NUMBER))
    texts: list[tuple[str, Value, int, bool]] = [
        ("userName", lambda facts: clean(facts.user_name, NAME_LENGTH), NAME_LENGTH, False),
        ("dogName", lambda facts: clean(facts.dog_name, NAME_LENGTH), NAME_LENGTH, False),
        ("coursesCompleted", lambda facts: _number(facts.courses_completed), digits, True),
        ("stepsCompleted", lambda facts: _number(facts.steps_completed), digits, True),
        ("bestCourse", lambda facts: clean(facts.best_course, COURSE_LENGTH), COURSE_LENGTH, False),
        ("activeThisWeek", lambda facts: _number(facts.active_this_week), digits, True),
        ("activeToday", lambda facts: _number(facts.active_today), digits, True),
    ]
    return {
        name: Placeholder(name, 1 << place, value, longest, plural)
        for place, (name, value, longest, plural) in enumerate(texts)
    }


PLACEHOLDERS = _all()
"""Every placeholder by its name, in the order in which an editor should offer them (C2)."""


def available(facts: Facts) -> int:
    """Return the bits of the placeholders that this user has values for (1.1 µs; a loop over them: 4)."""
    return (
        (1 if facts.user_name and clean(facts.user_name, NAME_LENGTH) else 0)
        | (2 if facts.dog_name and clean(facts.dog_name, NAME_LENGTH) else 0)
        | (4 if facts.courses_completed >= 1 else 0)
        | (8 if facts.steps_completed >= 1 else 0)
        | (16 if facts.best_course and clean(facts.best_course, COURSE_LENGTH) else 0)
        | (32 if facts.active_this_week >= 1 else 0)
        | (64 if facts.active_today >= 1 else 0)
    )


_PLURAL_RULE = Locale("ru").plural_form


@lru_cache(maxsize=8192)
def plural(count: str, one: str, few: str, many: str) -> str:
    """Return the number with the form that Russian wants: "21 шаг", "22 шага", "25 шагов"."""
    forms = {"one": one, "few": few}
    return f"{count} {forms.get(_PLURAL_RULE(int(count)), many)}"


@dataclass(frozen=True, slots=True)
class Line:
    """A text made ready for filling: a %-pattern and what goes into it, in order.

    `needs` is the set of the placeholders' bits; `longest` the length it may reach, in code points.
    """

    pattern: str
    values: tuple[Value, ...]
    needs: int
    longest: int

    def fill(self, facts: Facts) -> str:
        """Return the text for this user. Raises VariantError if the user lacks what it needs."""
        return self.pattern % tuple([value(facts) for value in self.values])


_PARTS = regex.compile(r"\{(?P<inside>[^{}]*)\}|(?P<brace>[{}])|(?P<literal>[^{}]+)")


@cache
def compile_line(text: str) -> Line:
    """Return `text` ready for filling. Raises VariantError for a brace or a placeholder that is wrong."""
    pattern, values, needs, longest = "", [], 0, 0
    for part in _PARTS.finditer(text):
        if part["brace"]:
            raise VariantError(
                f"A brace without its partner near {text[max(0, part.start() - 10) : part.end() + 10]!r}: "
                "braces only enclose placeholders, as in {dogName}.",
                code="braces",
            )
        if part["literal"]:
            pattern += part["literal"].replace("%", "%%")
            longest += len(part["literal"])
            continue
        placeholder, forms = _read(part["inside"])
        pattern += "%s"
        values.append(_needed(placeholder, forms))
        needs |= placeholder.bit
        longest += placeholder.longest + (1 + max(map(len, forms)) if forms else 0)
    return Line(pattern, tuple(values), needs, longest)


def _read(inside: str) -> tuple[Placeholder, tuple[str, ...]]:
    """Return the placeholder that stands between two braces, and its plural forms or ()."""
    name, *forms = (word.strip() for word in inside.split("|"))
    if name not in PLACEHOLDERS:
        near = difflib.get_close_matches(name.lower(), [known.lower() for known in PLACEHOLDERS], n=1)
        nearest = next((known for known in PLACEHOLDERS if near and known.lower() == near[0]), None)
        hint = f"Did you mean {{{nearest}}}?" if nearest else f"Known: {', '.join(PLACEHOLDERS)}."
        raise VariantError(f"{{{name}}} is not a placeholder. {hint}", code="placeholder")
    placeholder = PLACEHOLDERS[name]
    if forms and not placeholder.plural:
        raise VariantError(
            f"{{{name}}} is a name, not a number, so it can't have plural forms: write just {{{name}}}.",
            code="plural",
        )
    if forms and (len(forms) != 3 or not all(forms)):
        raise VariantError(
            f"{{{name}}} needs exactly three plural forms, as in {{stepsCompleted|шаг|шага|шагов}}.",
            code="plural",
        )
    return placeholder, tuple(forms)


def _needed(placeholder: Placeholder, forms: tuple[str, ...]) -> Value:
    """Return the function that gives the value, in its plural form, or refuses if there is none."""
    read, name = placeholder.value, placeholder.name

    def value(facts: Facts) -> str:
        found = read(facts)
        if not found:
            raise VariantError(f"This user has no {name}, which the text needs.", code="ineligible")
        return plural(found, *forms) if forms else found

    return value


@lru_cache(maxsize=4096)
def check(title: str, body: str, url: str) -> None:
    """Raise VariantError, with a sentence for whoever wrote it, if this text can't be used.

    Good ones are remembered: every run checks the whole library (20 ms otherwise).
    """
    _check_line("title", title, TITLE_LENGTH)
    _check_line("body", body, BODY_LENGTH)
    _check_url(url)


def _check_line(what: str, text: str, length: int) -> None:
    if not text.strip():
        raise VariantError(f"The {what} is empty.", code="empty")
    if regex.search(r"[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]", text):
        raise VariantError(f"The {what} must be one line, without control characters.", code="control")
    longest = compile_line(text).longest
    if longest > length:
        raise VariantError(
            f"The {what} is too long: {longest} characters with the longest names, {length} are allowed.",
            code="length",
        )


def _check_url(url: str) -> None:
    """A reminder leads to a page of the product only: browsers read "//x" and "/\\x" as another site."""
    local = url.startswith("/") and not url.startswith(("//", "/\\")) and url.isprintable()
    if not local or regex.search(r"[\s\\{}]", url):
        raise VariantError(
            f"The link {url!r} must be a path of the site, as in /trainings, without blanks or braces.",
            code="url",
        )
    if urlsplit(url).netloc or len(url) > URL_LENGTH:
        raise VariantError(f"The link must be a path of at most {URL_LENGTH} characters.", code="url")
