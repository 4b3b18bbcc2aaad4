"""The history of runs as Streamlit draws it."""

from pathlib import Path

import pytest
from sqlalchemy import insert, text

from reengagement import database
from reengagement.rules import Rules
from reengagement.tables import run
from tests.dashboards import opened, texts
from tests.records import days

PAGE = str(Path(__file__).parent.parent / "pages" / "runs.py")
HOSTILE = "<script>alert(1)</script> **bold** :red[x]"


@pytest.fixture
def history(engine):
    """Thirty done runs under a gap of 2 days, then one that failed, by someone with a hostile name."""
    with engine.begin() as connection:
        now = database.clock(connection)
        done = {
            "kind": "scheduled",
            "started_by": "schedule",
            "state": "done",
            "new_campaigns": 1200,
            "scheduled_notifications": 340,
            "closed_campaigns": 5,
            "counts": {"inactive": 1203, "held_back": {"too_few_steps": 3}},
            "rules": Rules(gap_days=2).model_dump(mode="json"),
        }
        for ago in range(30, 0, -1):
            at = now - days(ago)
            when = {"now": at, "local_date": at.date(), "started_at": at, "finished_at": at + days(0.001)}
            connection.execute(insert(run).values(done | when))
        failed = {
            "kind": "manual",
            "started_by": HOSTILE,
            "state": "failed",
            "error": f"{HOSTILE}\nsecond line",
        }
        when = {"now": now, "local_date": now.date(), "started_at": now, "finished_at": now}
        connection.execute(insert(run).values(failed | when))


@pytest.mark.parametrize(
    ("language", "title", "state", "started_by", "took"),
    [
        ("en", "Runs", "✓ done", "by the schedule", "1 min 26 s"),
        ("ru", "Запуски", "✓ выполнен", "по расписанию", "1 мин 26 с"),
    ],
)
def test_runs_are_listed_a_page_at_a_time(admin, history, language, title, state, started_by, took):
    """E3, F7."""
    test = opened(PAGE, lang=language)
    assert test.title[0].value == title
    rows = test.dataframe[0].value
    assert len(rows) == 25
    assert HOSTILE in rows.iloc[0, 2]
    assert rows.iloc[1, 1:].tolist() == [state, started_by, took, 1200, 340, 5, 3]
    assert len(opened(PAGE, lang=language, page="2").dataframe[0].value) == 6
    assert len(opened(PAGE, page="999999999999999999").dataframe[0].value) == 6


def test_a_run_shows_its_counts_why_users_were_held_back_and_its_rules(admin, history):
    """E3."""
    test = opened(PAGE, lang="en", run="30")
    assert [metric.value for metric in test.metric] == ["1,200", "340", "5", "1,203"]
    assert any("3 inactive users have completed too few steps." in line.value for line in test.text)
    rules = test.dataframe[0].value.set_index("Rule")
    assert rules.loc["Gap between reminders, days"].tolist() == ["2", "3"]
    assert rules.loc["Days of the levels"].tolist() == ["5 / 12 / 20 / 30", ""]


def test_a_failed_run_shows_its_whole_error_as_text(admin, history):
    """E3."""
    test = opened(PAGE, lang="en", run="31")
    assert test.code[0].value == f"{HOSTILE}\nsecond line"
    assert any(HOSTILE in line.value for line in test.text)
    assert not any(HOSTILE in said for said in texts(test)[:-1])
    assert not test.metric


@pytest.mark.parametrize("junk", ["999", "٣"])
def test_an_unknown_run_in_the_address_is_said_or_ignored(admin, junk):
    said = texts(opened(PAGE, lang="en", run=junk))
    assert any("There is no such run." in line or "hasn't run yet" in line for line in said)


def test_a_broken_database_is_told(admin, engine):
    with engine.begin() as connection:
        connection.execute(text('ALTER TABLE "ReengagementRun" RENAME TO "Away"'))
    test = opened(PAGE, lang="en")
    assert "ReengagementRun" in " ".join(element.value for element in test.code)
    assert not test.dataframe


def test_a_stranger_sees_no_run(monkeypatch, dashboard, history):
    """F1."""
    monkeypatch.setattr("reengagement.dashboard.gate.visitor_token", lambda: None)
    test = opened(PAGE, lang="en", run="31")
    assert [title.value for title in test.title] == ["Sign in"]
    assert HOSTILE not in str(texts(test))
