"""The overview as Streamlit draws it: full, empty, without a database, in both languages, for a stranger."""

import json
import time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import streamlit as st
from sqlalchemy import insert, text
from streamlit.runtime.caching import cache_utils
from streamlit.testing.v1 import AppTest

from reengagement import database, sessions
from reengagement.dashboard import figures as kept
from reengagement.dashboard import showing
from reengagement.tables import run
from reengagement.words import words
from tests.dashboards import SCRIPT, figures, opened, settings_of, texts
from tests.records import add_campaign, add_notification, days

PAGE = str(Path(__file__).parent.parent / "pages" / "overview.py")
HOSTILE = '<script>alert(1)</script> **bold** :red[x] "=1+1"'


@pytest.fixture
def history(engine, people):
    """Alice's campaign with 40 others: 41 sent at level 1, 10 of them clicked; one at level 2."""
    people.add("alice", days_ago=40, name=HOSTILE)
    with engine.begin() as connection:
        now = database.clock(connection)
        for number in range(40):
            other = add_campaign(connection, f"user-{number}", now - days(20), is_active=False)
            clicked = now - days(10) if number < 10 else None
            add_notification(connection, other, 1, sent_at=now - days(20), clicked_at=clicked)
        alice = add_campaign(connection, "alice", now - days(1))
        add_notification(connection, alice, 1, sent_at=now - days(1))
        add_notification(connection, alice, 2, "mixed", sent_at=now)


def test_the_overview_shows_totals_charts_days_and_campaigns(admin, history):
    """F2, F3, F4."""
    test = opened(lang="en")
    assert figures(test) == {
        "Total campaigns": "41",
        "Active campaigns": "1",
        "Returned": "0",
        "Opted out": "0",
        "Sent": "42",
        "Clicked": "10",
        "Click rate": "23.8%",
        "Return rate": "0.0%",
    }
    assert [subheader.value for subheader in test.subheader] == [
        "Reach",
        "The last 90 days",
        "By level",
        "By message type",
        "Recent campaigns",
    ]
    reach, days_shown, by_level, by_type, campaigns = (frame.value for frame in test.dataframe)
    assert reach["Users"].tolist() == [41, 41, 41, 10, 10, 0]
    assert days_shown[["Campaigns", "Sent", "Clicked"]].sum().tolist() == [41, 42, 10]
    assert by_level.to_dict("list") == {
        "Level": ["Level 1", "Level 2", "Level 3", "Level 4"],
        "Sent": [41, 1, 0, 0],
        "Clicked": [10, 0, 0, 0],
        "Click rate": ["24.4%", "0.0% · too few to tell", "—", "—"],
        "Back in 7 days": ["0.0%", "0.0% · too few to tell", "—", "—"],
    }
    assert by_type["Sent"].tolist() == [41, 0, 0, 1]
    assert len(campaigns) == 20
    assert campaigns.iloc[0].drop("Started").to_dict() == {
        "User": HOSTILE,
        "Status": "Active",
        "Level": 1,
        "Sent": 2,
        "Clicked": 0,
    }


def test_figures_of_all_rows_are_kept_for_seconds(admin, history, engine, monkeypatch):
    """F2, F3: totals show what was sent at once, the tables after a run or when their time is over."""
    passed = 0.0
    monkeypatch.setattr(cache_utils, "TTLCACHE_TIMER", lambda: time.monotonic() + passed)
    st.cache_data.clear()  # what is kept from now on goes by that clock

    def sent() -> tuple[str, int]:
        test = opened(lang="en")
        return figures(test)["Sent"], test.dataframe[2].value["Sent"].sum()

    def send(user: str) -> None:
        with engine.begin() as connection:
            a_day_ago = database.clock(connection) - days(1)
            add_notification(connection, add_campaign(connection, user, a_day_ago), 1, sent_at=a_day_ago)

    assert sent() == ("42", 42)
    send("bob")
    assert sent() == ("43", 42)
    with engine.begin() as connection:
        now = database.clock(connection)
        moments = {"now": now, "started_at": now, "finished_at": now, "local_date": now.date()}
        crashed = {"kind": "manual", "started_by": "boss", "state": "crashed", "error": "killed"}
        connection.execute(insert(run).values(crashed | moments))
    assert sent() == ("43", 43)
    send("carol")
    assert sent() == ("44", 43)
    passed = kept.KEPT_FOR_SECONDS
    assert sent() == ("44", 44)


def test_the_charts_hold_the_figures(admin, history):
    charts = [json.loads(chart.proto.spec) for chart in opened(lang="en").get("plotly_chart")]
    assert [trace["name"] for trace in charts[1]["data"]] == ["Sent", "Clicked", "Returned"]
    assert [sum(trace["y"]) for trace in charts[1]["data"]] == [42, 10, 0]
    assert "Level 1  <b>24.4%</b>" in charts[2]["data"][0]["y"]


def test_a_period_in_the_address_bounds_every_figure_and_is_set_beside_the_one_before(admin, history):
    """F2. 40 campaigns opened 20 days ago, Alice's one day ago."""
    test = opened(lang="en", period="7d", compare="1")
    assert figures(test)["Total campaigns"] == "1"
    assert test.metric[0].delta == "+1"
    assert figures(test)["Sent"] == "2"
    assert test.dataframe[2].value["Sent"].tolist() == [1, 1, 0, 0]
    assert test.subheader[1].value == "The last 7 days"
    test.segmented_control(key="period_choice").set_value("30d").run()
    assert test.query_params["period"] == "30d"
    assert figures(test)["Total campaigns"] == "41"


def test_own_dates_begin_with_the_last_month_and_junk_in_the_address_is_ignored(admin, history):
    test = opened(lang="en", period="banana", compare="1")
    assert figures(test)["Total campaigns"] == "41"
    assert "period" not in test.query_params
    test.segmented_control(key="period_choice").set_value("own").run()
    first, last = test.date_input[0].value
    assert (last - first).days == 29
    assert test.query_params["period"] == f"{first}..{last}"


def test_every_figure_has_its_definition_one_hover_away(admin, history):
    test = opened()
    assert all(metric.help for metric in test.metric)
    assert all(subheader.proto.help for subheader in test.subheader)


@pytest.mark.parametrize(
    ("language", "title", "label", "number"),
    [("ru", "Обзор", "Доля кликов", "23,8\u00a0%"), ("en", "Overview", "Click rate", "23.8%")],
)
def test_the_url_chooses_the_language(admin, history, language, title, label, number):
    """F7."""
    test = opened(lang=language)
    assert test.title[0].value == title
    assert figures(test)[label] == number


def test_the_browsers_language_is_the_default_until_another_is_chosen(admin):
    test = AppTest.from_file(SCRIPT, default_timeout=30)
    test.context["locale"] = "ru-RU"
    test.run()
    assert test.title[0].value == "Обзор"
    test.segmented_control[0].set_value("en").run()
    assert test.title[0].value == "Overview"


def test_no_english_word_of_ours_is_left_on_the_russian_page(admin, history):
    """No half-translated page: what has Latin letters is a name, a command or a time zone."""
    english = set(texts(opened(lang="en"))) - {HOSTILE}
    assert not english & set(texts(opened(lang="ru"))) - {"**:material/pets: Reengagement**"}


def test_an_empty_dashboard_says_what_to_do(admin):
    test = opened(lang="en")
    assert figures(test)["Sent"] == "0"
    assert figures(test)["Click rate"] == "—"
    assert test.subheader[0].value == "No campaigns yet"
    assert any("Run planner" in sentence for sentence in texts(test))
    assert not test.get("plotly_chart")


def test_without_a_consumer_the_page_says_what_to_do(admin):
    """F5."""
    assert any("make worker" in warning.value for warning in opened(lang="en").warning)


def test_a_broken_database_is_told_and_shows_nothing(admin, engine, history):
    with engine.begin() as connection:
        connection.execute(text('ALTER TABLE "ReengagementNotification" RENAME TO "Away"'))
    test = opened(lang="en")
    assert "can't be used" in test.error[0].value
    assert "ReengagementNotification" in test.code[0].value
    assert not test.metric
    assert not test.dataframe


def test_an_unreachable_database_lets_nobody_in_and_tells_nothing(monkeypatch, tmp_path):
    nowhere = f"postgresql:///x?host={tmp_path}"
    monkeypatch.setattr("reengagement.dashboard.gate.visitor_token", lambda: "any")
    with settings_of(monkeypatch, DATABASE_URL=nowhere):
        test = opened(lang="en")
    assert test.title[0].value == "Out of order"
    assert str(tmp_path) not in " ".join(texts(test))
    assert not test.metric


@pytest.mark.parametrize("script", [SCRIPT, PAGE], ids=["shell", "page"])
def test_a_stranger_sees_nothing_but_the_sign_in_page(monkeypatch, dashboard, history, script):
    """F1. Also where the page's own script is executed, past the shell."""
    monkeypatch.setattr("reengagement.dashboard.gate.visitor_token", lambda: None)
    test = opened(script, lang="en")
    assert [title.value for title in test.title] == ["Sign in"]
    assert not test.metric
    assert not test.dataframe
    assert not test.get("plotly_chart")
    assert not test.button
    assert HOSTILE not in str(texts(test))


@pytest.mark.parametrize("token", ["", "forged", "\x00", "ю" * 5000])
def test_a_forged_cookie_opens_nothing(monkeypatch, dashboard, history, token):
    """F1."""
    monkeypatch.setattr("reengagement.dashboard.gate.visitor_token", lambda: token)
    assert [title.value for title in opened(lang="en").title] == ["Sign in"]


def test_an_ended_session_is_over_at_the_next_look(admin, engine, history):
    """F1. As in a second tab, when the first signed out."""
    test = opened(lang="en")
    with engine.begin() as connection:
        sessions.end(connection, admin.token, database.clock(connection))
    test.run()
    assert [title.value for title in test.title] == ["Sign in"]
    assert not test.metric


def test_a_file_made_when_its_button_is_pressed_is_refused_once_the_session_is_over(admin, engine):
    """F1. It is made outside the script, past the gate: so it asks again."""
    make = showing._only_while_signed_in(lambda: {"n": [1, 2]}, words("en"), ZoneInfo("UTC"))
    assert make() == b"\xef\xbb\xbfn\r\n1\r\n2\r\n"
    with engine.begin() as connection:
        sessions.end(connection, admin.token, database.clock(connection))
    with pytest.raises(PermissionError, match="session is over"):
        make()


def test_signing_out_ends_the_session(admin, dashboard, engine):
    test = opened(lang="en")
    next(button for button in test.button if button.label == "Sign out").click().run()
    assert [title.value for title in test.title] == ["Sign in"]
    with engine.begin() as connection:
        assert sessions.who(connection, dashboard, admin.token, database.clock(connection)) is None
