"""Rows into figures: what they say, in lists, and in colours that everyone can tell apart."""

import json
import tomllib
from datetime import date, timedelta
from itertools import combinations
from pathlib import Path

import pytest

from reengagement import charts
from reengagement.metrics import Day
from reengagement.stats import Rate
from reengagement.words import words

ENGLISH, RUSSIAN = words("en"), words("ru")
ROWS = [("Level 1", Rate(30, 100)), ("Level 2", Rate(3, 29)), ("Level 3", Rate(0, 0))]


def bars(figure):
    """Return label to (length, colour)."""
    return {
        label: (length, trace.marker.color)
        for trace in figure.data
        for label, length in zip(trace.y, trace.x, strict=True)
    }


def test_a_bar_for_each_rate_with_its_figure_in_the_label():
    found = bars(charts.click_rates(ROWS, ENGLISH))
    assert found["Level 1  <b>30.0%</b>"] == (0.3, charts.CLICKED)
    assert found["Level 3  <b>—</b>"][0] == 0


def test_too_few_to_tell_is_not_coloured():
    """metrics: *Intervals*."""
    figure = charts.click_rates(ROWS, ENGLISH)
    assert bars(figure)["Level 2  <b>10.3%</b>"][1] == charts.TOO_FEW
    hovers = [text for trace in figure.data for text in trace.hovertext]
    assert [("Too few to tell" in text) for text in hovers] == [False, True, True]


def test_bars_keep_the_order_of_the_rows_from_the_top():
    axis = charts.click_rates(ROWS, ENGLISH).layout.yaxis
    assert [label.partition("  ")[0] for label in axis.categoryarray] == ["Level 3", "Level 2", "Level 1"]


def test_whiskers_span_the_wilson_interval():
    whiskers = charts.click_rates(ROWS, ENGLISH).data[0].error_x
    low, high = Rate(30, 100).interval
    assert whiskers.array[0] == pytest.approx(high - 0.3)
    assert whiskers.arrayminus[0] == pytest.approx(0.3 - low)


def test_reach_has_a_bar_for_each_step_and_the_return_in_another_colour():
    figure = charts.reach([("In campaigns", 1000), ("Sent to", 400), ("Came back", 250)], ENGLISH)
    [bars] = figure.data
    assert list(bars.x) == [1000, 400, 250]
    assert list(bars.text) == ["100.0%", "40.0%", "25.0%"]
    assert bars.y[0] == "In campaigns  <b>1,000</b>"
    assert list(bars.marker.color) == [charts.CLICKED, charts.CLICKED, charts.RETURNED]


def test_days_are_named_in_the_language_of_the_page():
    days = [Day(date(2025, 3, 1) + timedelta(days=n), n, 1, 0, 0) for n in range(14)]
    english, russian = charts.per_day(days, ENGLISH), charts.per_day(days, RUSSIAN)
    assert [trace.name for trace in english.data] == ["Sent", "Clicked", "Returned"]
    assert [trace.name for trace in russian.data] == ["Отправлено", "Клики", "Вернулись"]
    assert english.layout.xaxis.ticktext[:2] == ("Mar 1", "Mar 3")
    assert russian.layout.xaxis.ticktext[:2] == ("1 мар.", "3 мар.")
    assert list(english.data[0].y) == list(range(14))


def test_figures_hold_plain_lists():
    """NumPy arrays would travel as base64, which neither tests nor people can read."""
    days = [Day(date(2025, 3, 1), 1, 1, 0, 0)]
    for figure in (charts.click_rates(ROWS, ENGLISH), charts.per_day(days, ENGLISH)):
        assert "bdata" not in json.dumps(json.loads(figure.to_json())["data"])


# Machado, Oliveira and Fernandes (2009), severity 1; on linear RGB.
DEFICIENCIES = {
    "none": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}
FAR_ENOUGH = 15
"""CIELAB ΔE of 1976; about 2.3 is just noticeable."""


def linear(color):
    parts = [int(color[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    return [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]


def luminance(color):
    red, green, blue = linear(color)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def lab(color, deficiency):
    rgb = linear(color)
    r, g, b = (
        min(1, max(0, sum(m * c for m, c in zip(row, rgb, strict=True)))) for row in DEFICIENCIES[deficiency]
    )
    x = (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.95047
    y = 0.2126 * r + 0.7152 * g + 0.0722 * b
    z = (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.08883
    fx, fy, fz = (v ** (1 / 3) if v > 0.008856 else 7.787 * v + 16 / 116 for v in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_colour_blind_people_can_tell_the_colours_apart(deficiency):
    for one, other in combinations((charts.SENT, charts.CLICKED, charts.RETURNED), 2):
        pairs = zip(lab(one, deficiency), lab(other, deficiency), strict=True)
        distance = sum((a - b) ** 2 for a, b in pairs) ** 0.5
        assert distance > FAR_ENOUGH, (one, other, distance)


def theme():
    path = Path(__file__).parent.parent / ".streamlit" / "config.toml"
    return tomllib.loads(path.read_text())["theme"]


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("color", [charts.SENT, charts.CLICKED, charts.RETURNED])
def test_colours_stand_out_from_the_background(mode, color):
    """WCAG 1.4.11: at least 3 to 1."""
    lighter, darker = sorted((luminance(color), luminance(theme()[mode]["backgroundColor"])), reverse=True)
    assert (lighter + 0.05) / (darker + 0.05) >= 3


def test_the_theme_has_the_charts_colours():
    assert theme()["chartCategoricalColors"] == [charts.SENT, charts.CLICKED, charts.RETURNED]
