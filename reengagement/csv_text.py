"""Tables as CSV that spreadsheets open rightly and safely: rows in, text out."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from reengagement.stats import Rate

BOM = "\ufeff"
"""By this a spreadsheet tells UTF-8; without it Cyrillic is garbled."""

BEGINS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a spreadsheet would compute, or skip on its way to such a sign (OWASP, *CSV Injection*)."""

DECIMALS_OF_A_RATE = 6


def lines(header: Sequence[str], rows: Iterable[Sequence[Any]], decimal: str = ".") -> Iterator[str]:
    """Yield a file line by line: `header`, then `rows`; moments are written as they come.

    Where the decimal mark is a comma, cells are parted by semicolons, as spreadsheets of such a
    language expect.
    """
    buffer = io.StringIO()
    buffer.write(BOM)
    writer = csv.writer(buffer, delimiter=";" if decimal == "," else ",")
    for row in itertools.chain([header], rows):
        writer.writerow([_cell(value, decimal) for value in row])
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()


def encode(header: Sequence[str], rows: Iterable[Sequence[Any]], decimal: str = ".") -> bytes:
    """Return a whole file, as `lines` yields it, in UTF-8."""
    return "".join(lines(header, rows, decimal)).encode()


def _cell(value: Any, decimal: str) -> str:
    if value is None:
        return ""
    if isinstance(value, Rate):
        return "" if value.share is None else _cell(round(value.share, DECIMALS_OF_A_RATE), decimal)
    if isinstance(value, float):
        return str(value).replace(".", decimal)
    if isinstance(value, datetime):
        return value.isoformat(" ", "seconds")
    return safe(value) if isinstance(value, str) else str(value)


def safe(text: str) -> str:
    """Return `text` with an apostrophe before it where a spreadsheet would take it for a formula."""
    return f"'{text}" if text.startswith(BEGINS_A_FORMULA) else text
