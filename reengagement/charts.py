"""Rows into Plotly figures. No Streamlit here; all text comes in one language, through `words`.

Traces get Python lists, not NumPy: so a figure stays readable in tests and small on the wire.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from html import escape
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pandas as pd  # noqa: F401  plotly meets it half imported where two threads draw at once
import plotly.graph_objects as go

from reengagement.metrics import Day, Hour, ServiceRow
from reengagement.stats import Rate
from reengagement.stats.survival import Point
from reengagement.tables import FINAL_STATES

if TYPE_CHECKING:
    from reengagement.words import Words

SENT = "#74879e"
CLICKED = "#2b7bba"
RETURNED = "#d97706"
TOO_FEW = "#a3a9b3"
"""Slate, blue and orange differ in lightness as well as in hue: colour-blind people tell them apart,
on white and on black (a test computes it). Grey is no result."""

BAR_HEIGHT = 44
TICKS = 7


def click_rates(rows: Sequence[tuple[str, Rate]], words: Words) -> go.Figure:
    """Return a bar for each named rate with its 95 % interval, grey where there are too few to tell."""
    figure = go.Figure()
    for too_few, color in ((False, CLICKED), (True, TOO_FEW)):
        _add_bars(figure, [row for row in rows if row[1].too_few is too_few], color, words)
    figure.update_xaxes(rangemode="tozero", showticklabels=False, fixedrange=True, zeroline=False)
    figure.update_yaxes(
        categoryorder="array",
        categoryarray=[_label(name, rate, words) for name, rate in reversed(rows)],
        fixedrange=True,
        ticksuffix="  ",
        tickfont={"size": 14},
    )
    figure.update_layout(
        height=BAR_HEIGHT * len(rows) + 16, bargap=0.5, barmode="overlay", showlegend=False, margin=_margins()
    )
    return figure


def _add_bars(figure: go.Figure, rows: Sequence[tuple[str, Rate]], color: str, words: Words) -> None:
    """Add a pale bar for each rate, with its interval in full colour."""
    shares = [rate.share or 0.0 for _, rate in rows]
    intervals = [rate.interval or (0.0, 0.0) for _, rate in rows]
    figure.add_bar(
        orientation="h",
        x=shares,
        y=[_label(name, rate, words) for name, rate in rows],
        marker={"color": color, "opacity": 0.4},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [high - share for (_, high), share in zip(intervals, shares, strict=True)],
            "arrayminus": [share - low for (low, _), share in zip(intervals, shares, strict=True)],
            "color": color,
            "thickness": 2,
            "width": 5,
        },
        hovertext=[_about_rate(name, rate, words) for name, rate in rows],
        hoverinfo="text",
    )


def _label(name: str, rate: Rate, words: Words) -> str:
    return f"{name}  <b>{words.percent(rate.share)}</b>"


def _about_rate(name: str, rate: Rate, words: Words) -> str:
    _ = words.gettext
    lines = [
        f"<b>{name}</b>",
        _("Sent: {n}").format(n=words.number(rate.n)),
        _("Clicked: {n}").format(n=words.number(rate.hits)),
        _("Click rate: {rate}").format(rate=words.percent(rate.share)),
    ]
    if rate.interval:
        low, high = (words.percent(bound) for bound in rate.interval)
        lines.append(_("Interval (95%): {low} to {high}").format(low=low, high=high))
    if rate.too_few:
        lines.append(_("Too few to tell"))
    return "<br>".join(lines)


def reach(steps: Sequence[tuple[str, int]], words: Words) -> go.Figure:
    """Return a bar for each step of the funnel, its users in its label; the last, of another kind, apart."""
    whole = steps[0][1]
    names = [f"{name}  <b>{words.number(users)}</b>" for name, users in steps]
    shares = [words.percent(users / whole if whole else None) for _name, users in steps]
    figure = go.Figure()
    figure.add_bar(
        orientation="h",
        x=[users for _name, users in steps],
        y=names,
        marker={"color": [CLICKED] * (len(steps) - 1) + [RETURNED], "opacity": 0.6},
        text=shares,
        textposition="outside",
        cliponaxis=False,
        hovertext=[f"<b>{name}</b><br>{share}" for (name, _users), share in zip(steps, shares, strict=True)],
        hoverinfo="text",
    )
    figure.update_xaxes(range=[0, whole * 1.2], showticklabels=False, fixedrange=True, zeroline=False)
    figure.update_xaxes(showgrid=False)
    figure.update_yaxes(autorange="reversed", fixedrange=True, ticksuffix="  ", tickfont={"size": 14})
    figure.update_layout(
        height=BAR_HEIGHT * len(steps) + 16, bargap=0.35, showlegend=False, margin=_margins()
    )
    return figure


def per_day(days: Sequence[Day], words: Words) -> go.Figure:
    """Return sent as bars, clicked and returned as lines, a point a day."""
    _ = words.gettext
    dates = [words.day(day.date) for day in days]
    figure = go.Figure()
    figure.add_bar(
        name=_("Sent"), x=dates, y=[day.sent for day in days], marker={"color": SENT}, opacity=0.35
    )
    for name, color, dash, counts in (
        (_("Clicked"), CLICKED, "solid", [day.clicked for day in days]),
        (_("Returned"), RETURNED, "dot", [day.returned for day in days]),
    ):
        figure.add_scatter(
            name=name, x=dates, y=counts, mode="lines", line={"color": color, "width": 2, "dash": dash}
        )
    figure.update_traces(hovertemplate="%{y}")
    chosen = days[:: max(1, len(days) // TICKS)]
    figure.update_xaxes(
        type="category",
        tickmode="array",
        tickvals=[words.day(day.date) for day in chosen],
        ticktext=[words.short_day(day.date) for day in chosen],
        tickangle=0,
        fixedrange=True,
    )
    figure.update_yaxes(rangemode="tozero", fixedrange=True, nticks=5, tickformat=",d")
    figure.update_layout(
        height=320,
        hovermode="x unified",
        bargap=0.15,
        margin=_margins(),
        separators=words.separators,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "xanchor": "left"},
    )
    return figure


def per_hour(hours: Sequence[Hour], zone: ZoneInfo, words: Words) -> go.Figure:
    """Return accepted deliveries and all others as bars, an hour each, in the hours of `zone`."""
    _ = words.gettext
    clocks = [f"{hour.at.replace(tzinfo=UTC).astimezone(zone):%H:%M}" for hour in hours]
    figure = go.Figure()
    for name, color, counts in (
        (_("Accepted"), CLICKED, [hour.accepted for hour in hours]),
        (_("Not accepted"), RETURNED, [hour.other for hour in hours]),
    ):
        figure.add_bar(name=name, x=clocks, y=counts, marker={"color": color})
    figure.update_traces(hovertemplate="%{y}")
    figure.update_xaxes(type="category", nticks=TICKS, tickangle=0, fixedrange=True)
    figure.update_yaxes(rangemode="tozero", fixedrange=True, nticks=4, tickformat=",d")
    figure.update_layout(
        height=240,
        barmode="stack",
        hovermode="x unified",
        margin=_margins(),
        separators=words.separators,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "xanchor": "left"},
    )
    return figure


def per_push_service(rows: Sequence[ServiceRow], words: Words) -> go.Figure:
    """Return a bar for each push service: what it accepted, and all other outcomes."""
    _ = words.gettext
    names = [escape(row.push_service.removeprefix("https://")) for row in rows]
    accepted = [row.states.get("accepted", 0) for row in rows]
    other = [sum(row.states.get(state, 0) for state in FINAL_STATES if state != "accepted") for row in rows]
    figure = go.Figure()
    for name, color, counts in ((_("Accepted"), CLICKED, accepted), (_("Not accepted"), RETURNED, other)):
        figure.add_bar(name=name, orientation="h", x=counts, y=names, marker={"color": color})
    figure.update_traces(hovertemplate="%{x}")
    figure.update_xaxes(rangemode="tozero", fixedrange=True, nticks=4, tickformat=",d")
    figure.update_yaxes(autorange="reversed", fixedrange=True, ticksuffix="  ", automargin=True)
    figure.update_layout(
        height=BAR_HEIGHT * len(rows) + 70,
        bargap=0.4,
        barmode="stack",
        hovermode="y unified",
        margin=_margins(),
        separators=words.separators,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "xanchor": "left"},
    )
    return figure


def _margins() -> dict[str, int]:
    return {"l": 0, "r": 8, "t": 8, "b": 8}


def returns_over_time(curves: Sequence[tuple[str, str, Sequence[Point]]], words: Words) -> go.Figure:
    """Return a step for each named and coloured curve of returns, with its 95 % band."""
    figure = go.Figure()
    for name, color, points in curves:
        _add_band(figure, color, points)
        figure.add_scatter(
            name=name,
            x=[point.days for point in points],
            y=[point.share for point in points],
            customdata=[[words.percent(point.low), words.percent(point.high)] for point in points],
            hovertemplate="%{y:.1%} (%{customdata[0]} – %{customdata[1]})",
            mode="lines",
            line={"color": color, "width": 2, "shape": "hv"},
        )
    figure.update_xaxes(
        title=words.gettext("Days since the campaign was opened"), rangemode="tozero", fixedrange=True
    )
    figure.update_yaxes(rangemode="tozero", fixedrange=True, tickformat=".0%", nticks=6)
    figure.update_layout(
        height=340,
        hovermode="x unified",
        margin=_margins(),
        separators=words.separators,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "xanchor": "left"},
    )
    return figure


def _add_band(figure: go.Figure, color: str, points: Sequence[Point]) -> None:
    days = [point.days for point in points]
    step = {"color": color, "width": 0, "shape": "hv"}
    shown = {"mode": "lines", "line": step, "showlegend": False, "hoverinfo": "skip"}
    figure.add_scatter(x=days, y=[point.low for point in points], **shown)
    figure.add_scatter(
        x=days, y=[point.high for point in points], fill="tonexty", fillcolor=f"{color}33", **shown
    )
