"""What dashboard and alerts say, in one language: texts by gettext, numbers, dates and plurals by Babel.

In code a text is its English; `locales/` has the others, and
`python -m reengagement.dashboard.catalogue` keeps them complete.
"""

from __future__ import annotations

import gettext
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_skeleton
from babel.numbers import format_decimal, format_percent

LOCALES = Path(__file__).parent / "locales"
DOMAIN = "messages"
LANGUAGES = {"ru": "Русский", "en": "English"}
"""Each language's code, and its name in itself."""

FALLBACK = "en"
NOTHING = "—"


@dataclass(frozen=True)
class Words:
    """One language. Babel finds the texts in the code by the names `gettext`, `pgettext`, `ngettext`."""

    code: str
    locale: Locale
    catalogue: gettext.NullTranslations

    def gettext(self, message: str) -> str:
        """Return the text in this language."""
        return self.catalogue.gettext(message)

    def pgettext(self, context: str, message: str) -> str:
        """Return the text as it reads in a context: Russian has several words for one English one."""
        return self.catalogue.pgettext(context, message)

    def ngettext(self, one: str, many: str, n: int, **others: str) -> str:
        """Return the form of the text for `n`, with `{n}` in it written out, and `others` in their places."""
        return self.catalogue.ngettext(one, many, n).format(n=self.number(n), **others)

    def number(self, number: float) -> str:
        """Return a number, its thousands grouped."""
        return format_decimal(number, locale=self.locale)

    def signed(self, number: float) -> str:
        """Return a difference with its sign, one decimal where it isn't whole."""
        pattern = "#,##0" if isinstance(number, int) else "#,##0.0"
        return format_decimal(number, f"+{pattern};−{pattern}" if number else pattern, locale=self.locale)

    def percent(self, share: float | None) -> str:
        """Return a share as percent with one decimal; None is a dash, never 0 %."""
        if share is None:
            return NOTHING
        pattern = self.locale.percent_formats[None].pattern.replace("#,##0", "#,##0.0")
        return format_percent(share, pattern, locale=self.locale)

    @property
    def moment_pattern(self) -> str:
        """Return how tables write a moment, in the letters of moment.js."""
        return {"ru": "DD.MM.YYYY, HH:mm"}.get(self.code, "MMM D, YYYY, HH:mm")

    @property
    def day_pattern(self) -> str:
        """Return how tables and pickers write a day, in the letters of moment.js."""
        return {"ru": "DD.MM.YYYY"}.get(self.code, "MMM D, YYYY")

    @property
    def separators(self) -> str:
        """Return the decimal point and the separator of thousands, as Plotly wants them."""
        symbols = self.locale.number_symbols["latn"]
        return f"{symbols['decimal']}{symbols['group']}"

    def day(self, day: date) -> str:
        """Return a day with its year, as in 10 Mar 2025."""
        return format_date(day, "medium", locale=self.locale)

    def short_day(self, day: date) -> str:
        """Return a day without its year, as in 10 Mar."""
        return format_skeleton("MMMd", day, locale=self.locale)

    def moment(self, moment: datetime, zone: ZoneInfo) -> str:
        """Return a moment, given in naive UTC, as date and time of day in `zone`."""
        local = moment.replace(tzinfo=UTC).astimezone(zone)
        return f"{self.day(local)}, {local:%H:%M}"


@cache
def words(code: str) -> Words:
    """Return the words of the language `code`, of the fallback where it isn't one of ours."""
    known = code if code in LANGUAGES else FALLBACK
    catalogue = gettext.translation(DOMAIN, LOCALES, languages=[known], fallback=known == FALLBACK)
    return Words(known, Locale.parse(known), catalogue)


def best_language(tag: str | None) -> str:
    """Return which of our languages suits a browser that asks for `tag`, such as `ru-RU`."""
    code = (tag or "").partition("-")[0].lower()
    return code if code in LANGUAGES else FALLBACK
