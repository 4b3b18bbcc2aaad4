"""Tables and charts as every page shows them: with a name, and a file of each to take along.

A table's own download is hidden: its cells would be formulas in a spreadsheet. Ours are made safe.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import plotly.graph_objects as go
import streamlit as st

from reengagement import csv_text
from reengagement.dashboard import gate, labels, language
from reengagement.stats import Rate
from reengagement.words import NOTHING, Words

Columns = Mapping[str, Sequence[Any]]
"""Title to cells: numbers, texts, `Rate`, dates, moments in naive UTC, None where there is nothing."""

PNG_SCALE = 2
WIDE = 150
"""Pixels that a rate needs with *too few to tell* beside it: by itself a column fits its first rows."""

STYLE = """<style>
[data-testid="stElementToolbarButton"]:has([aria-label="Download as CSV"]) {{ display: none; }}
[data-testid="stCaptionContainer"], [data-testid="stCaptionContainer"] p {{ color: inherit; }}
[data-testid="stCaptionContainer"] {{ opacity: 0.8; }}
[data-testid="stElementContainer"][data-stale="true"] {{ opacity: 1; transition: none; }}
.modebar-btn[data-title]::after {{ content: "{png}" !important; }}
</style>"""
"""Hides the tables' unsafe download; makes captions dark enough for everyone (4.5 to 1); keeps what is drawn
anew from fading meanwhile; and says what the button of a chart does in the visitor's language, as Plotly says
it in English alone."""


def style() -> None:
    """Put into the page what makes tables and charts look as this module promises."""
    st.html(STYLE.format(png=language.chosen().gettext("Download as PNG")))


def table(
    columns: Columns,
    *,
    key: str,
    zone: ZoneInfo,
    file: str | None = None,
    everything: Callable[[], Columns] | None = None,
    definitions: Mapping[str, str] | None = None,
    column_config: Mapping[str, Any] | None = None,
    **options: Any,
) -> Any:
    """Show a table and a button that downloads it as CSV; return what `st.dataframe` returns.

    Numbers, rates and moments are written in the visitor's language, moments in `zone`. The file is named
    `file`, else `key`. `definitions` say, by title, what a column means. `everything` returns the columns
    of the file where the table is only a page of it; it is called when the button is pressed.
    `column_config` and `options` are those of `st.dataframe`.
    """
    words = language.chosen()
    answer = st.dataframe(
        {title: [_shown(cell, words, zone) for cell in cells] for title, cells in columns.items()},
        column_config={
            title: _configured(cells, words) | {"help": (definitions or {}).get(title)}
            for title, cells in columns.items()
        }
        | dict(column_config or {}),
        hide_index=True,
        placeholder=NOTHING,
        key=key,
        **{"height": "content", **options},
    )
    st.download_button(
        words.gettext("CSV"),
        data=_only_while_signed_in(everything, words, zone) if everything else _file(columns, words, zone),
        file_name=f"{file or key}.csv",
        mime="text/csv",
        key=f"{key}_csv",
        help=words.gettext("Download this table as a file for spreadsheets"),
        icon=":material/download:",
        type="tertiary",
        on_click="ignore",
    )
    return answer


def _shown(cell: Any, words: Words, zone: ZoneInfo) -> Any:
    return labels.rate(words, cell) if isinstance(cell, Rate) else _local(cell, zone)


def _local(cell: Any, zone: ZoneInfo) -> Any:
    """Return a moment as local time without its zone, or the table would move it to the browser's."""
    if isinstance(cell, datetime):
        return cell.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None)
    return cell


def _configured(cells: Sequence[Any], words: Words) -> Any:
    """Return how a column is written, by the first cell that isn't empty."""
    first = next((cell for cell in cells if cell is not None), None)
    match first:
        case datetime():
            return st.column_config.DatetimeColumn(format=words.moment_pattern)
        case date():
            return st.column_config.DateColumn(format=words.day_pattern)
        case bool():
            return st.column_config.CheckboxColumn()
        case int() | float():
            return st.column_config.NumberColumn(format="localized")
        case Rate():
            words_too = any(cell is not None and cell.n and cell.too_few for cell in cells)
            return st.column_config.TextColumn(alignment="right", width=WIDE if words_too else None)
    return st.column_config.TextColumn()


def _file(columns: Columns, words: Words, zone: ZoneInfo) -> bytes:
    rows = zip(*columns.values(), strict=True)
    local = ([_local(cell, zone) for cell in row] for row in rows)
    return csv_text.encode(list(columns), local, decimal=words.separators[0])


def _only_while_signed_in(
    everything: Callable[[], Columns], words: Words, zone: ZoneInfo
) -> Callable[[], bytes]:
    """Return what makes the file when the button is pressed: later, and not in the script's thread."""
    may_still_pass = gate.for_later()

    def make() -> bytes:
        if not may_still_pass():
            raise PermissionError("the session is over: sign in again")
        return _file(everything(), words, zone)

    return make


def chart(figure: go.Figure, *, key: str, alt: str, **options: Any) -> Any:
    """Show a chart, with a button on it that downloads it as PNG; return what `st.plotly_chart` returns.

    `alt` says in words what it shows, for who can't see it; `key` names the file too.
    """
    return st.plotly_chart(
        figure,
        key=key,
        alt=alt,
        config={
            "displaylogo": False,
            "modeBarButtons": [["toImage"]],
            "toImageButtonOptions": {"format": "png", "filename": key, "scale": PNG_SCALE},
        },
        **options,
    )
