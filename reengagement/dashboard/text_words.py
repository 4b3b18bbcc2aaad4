"""What is wrong with a text, and what may stand in braces, in the visitor's language."""

from __future__ import annotations

from reengagement.errors import VariantError
from reengagement.placeholders import (
    BODY_LENGTH,
    PLACEHOLDERS,
    TITLE_LENGTH,
    URL_LENGTH,
    Facts,
    check,
    compile_line,
)
from reengagement.words import Words

PLAIN, PLAIN_LINK = "-", "/"
"""Nothing is wrong with these: they stand for the other fields while one is checked."""


def faults(title: str, body: str, url: str) -> dict[str, str]:
    """Return the code of what is wrong, for each field that something is wrong with."""
    tries = {
        "title": (title.strip(), PLAIN, PLAIN_LINK),
        "body": (PLAIN, body.strip(), PLAIN_LINK),
        "url": (PLAIN, PLAIN, url.strip()),
    }
    found = {}
    for field, texts in tries.items():
        try:
            check(*texts)
        except VariantError as error:
            found[field] = error.code
    return found


def refusal(words: Words, code: str, field: str = "") -> str:
    """Return a sentence for the code of a VariantError; `field` is where it was found."""
    _ = words.gettext
    most = {"title": TITLE_LENGTH, "body": BODY_LENGTH}.get(field, URL_LENGTH)
    return {
        "empty": _("This must not be empty."),
        "control": _("This must be one line, without invisible characters."),
        "length": _("Too long: {n} characters are allowed, with the longest names filled in.").format(n=most),
        "braces": _("A brace lacks its partner: braces only enclose placeholders."),
        "placeholder": _("There is no such placeholder. Those that there are stand below the form."),
        "plural": _("Only numbers have plural forms, exactly three of them, separated by vertical bars."),
        "url": _("The link must be a path of the site, without blanks or braces, of at most {n} characters.")
        .format(n=URL_LENGTH),
        "ineligible": _("A user without what the text needs doesn't get it."),
        "unknown": _("There is no such text any more."),
        "changed": _("Someone else changed this text meanwhile. Look at the new text and edit that."),
        "last": _(
            "This is the level's last text in use that suits everyone: without it some users would get no "
            "reminder. Switch another one without placeholders on first."
        ),
    }.get(code, _("This text can't be used."))  # fmt: skip


def written(name: str) -> list[str]:
    """Return how a placeholder is written."""
    forms = {"stepsCompleted": "шаг|шага|шагов", "coursesCompleted": "курс|курса|курсов"}
    plural = f"{{{name}|{forms.get(name, 'хозяин|хозяина|хозяев')}}}"
    return [f"{{{name}}}", plural] if PLACEHOLDERS[name].plural else [f"{{{name}}}"]


def meaning(words: Words, name: str) -> str:
    """Return what a placeholder becomes."""
    _ = words.gettext
    return {
        "userName": _("The user's name"),
        "dogName": _("The dog's name; only for users who have given it"),
        "coursesCompleted": _("How many courses the user has completed, ever"),
        "stepsCompleted": _("How many steps the user has completed, ever"),
        "bestCourse": _("The course that the user rated best, else the latest completed"),
        "activeThisWeek": _("How many users were active in the last seven days"),
        "activeToday": _("How many users have been active today"),
    }[name]


def example(written: str, facts: Facts) -> str:
    """Return what a placeholder becomes for someone."""
    return compile_line(written).fill(facts)


def names_needed(title: str, body: str) -> list[str]:
    """Return the placeholders that stand in a good text."""
    needs = compile_line(title).needs | compile_line(body).needs
    return [f"{{{name}}}" for name, one in PLACEHOLDERS.items() if needs & one.bit]
