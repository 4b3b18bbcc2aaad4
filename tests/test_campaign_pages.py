"""Campaigns, *Why this user?* and *Tomorrow's reminders* as Streamlit draws them."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, text

from reengagement import database, planner
from reengagement.dashboard import rehearsal
from reengagement.tables import delivery
from tests.dashboards import figures, opened, settings_of, texts
from tests.people import People
from tests.records import add_campaign, add_notification, days

HOSTILE = '<script>alert(1)</script> **bold** :red[x] {dogName} "=1+1"'
PAGES = ("campaigns", "why", "tomorrow")


def page_of(name: str) -> str:
    return str(Path(__file__).parent.parent / "pages" / f"{name}.py")


@pytest.fixture
def dashboard(monkeypatch, clone_url):
    with settings_of(monkeypatch, DATABASE_URL=clone_url) as current:
        yield current
    rehearsal.all_of_them().forget()


@pytest.fixture
def now(engine):
    with engine.connect() as connection:
        return database.clock(connection)


@pytest.fixture
def people(engine, now):
    return People(engine, now)


@pytest.fixture
def story(engine, people, now):
    """Alice's campaign: level 1 clicked, level 2 gone; her texts are a stranger's."""
    people.add("alice", days_ago=20, name=HOSTILE, email="alice@example.org")
    with engine.begin() as connection:
        one = add_campaign(
            connection, "alice", now - days(15), current_level=3, next_due_at=now,
            window_ends_at=now + days(17), run_id=None,
        )  # fmt: skip
        add_notification(
            connection, one, 1, title=HOSTILE, body=HOSTILE, queued_at=now - days(15), run_id=1,
            sent_at=now - days(15), clicked_at=now - days(14), outcome="sent",
        )  # fmt: skip
        second = add_notification(
            connection, one, 2, queued_at=now - days(8), settled_at=now - days(8), outcome="failed", run_id=2
        )
        connection.execute(
            insert(delivery).values(
                notification_id=second, subscription_id="s", endpoint_hash=b"endpoint", state="gone",
                reason="http_410", status_code=410, attempts=1, push_service="https://push.example",
                queued_at=now - days(8), next_attempt_at=now, expires_at=now,
            )
        )  # fmt: skip
    return one


@pytest.fixture
def tomorrows(people):
    """Three who lapse by tomorrow, two of them today; one too few steps, one back yesterday."""
    people.add("fresh", days_ago=4.6, dog=HOSTILE)
    people.add("away", days_ago=6, name=f"{HOSTILE} too")
    people.add("long", days_ago=25)
    people.add("beginner", days_ago=7, steps=1)
    people.add("active", days_ago=1)


def html_of(test):
    return " ".join(element.proto.body for element in test.get("html"))


def test_the_list_shows_filters_counts_and_turns_pages(admin, engine, now):
    """F4: every campaign, however many."""
    with engine.begin() as connection:
        for number in range(60):
            add_campaign(connection, f"user-{number:02}", now - timedelta(hours=number))
        add_campaign(connection, "odd", now, is_active=False, closed_reason="opted_out", current_level=4)
    test = opened(page_of("campaigns"), lang="en")
    assert [len(test.dataframe[0].value), test.text[0].value] == [50, "61 campaigns"]
    next(button for button in test.button if button.label == "Older").click().run()
    assert test.dataframe[0].value["User"].tolist() == [f"user-{number:02}" for number in range(49, 60)]
    next(button for button in test.button if button.label == "Newer").click().run()
    assert test.dataframe[0].value["User"].tolist()[:2] == ["odd", "user-00"]
    test.selectbox[0].set_value("opted_out").run()
    assert test.dataframe[0].value["User"].tolist() == ["odd"]
    assert test.query_params["status"] == "opted_out"
    test.selectbox[1].set_value("1").run()
    assert "No campaign fits" in test.info[-1].value


def test_a_link_opens_the_filtered_list_and_a_row_its_story(admin, story):
    test = opened(page_of("campaigns"), lang="en", status="active", level="3", user="script")
    assert test.dataframe[0].value["User"].tolist() == [HOSTILE]
    assert [box.value for box in test.selectbox] == ["active", "3"]
    test.session_state["campaigns"] = {"selection": {"rows": [0], "columns": [], "cells": []}}
    test.run()
    assert test.query_params["campaign"] == story
    assert test.dataframe[0].value["Reason"].tolist() == ["the subscription has ended (410)"]


def test_a_story_shows_a_time_line_texts_and_deliveries_and_runs_nothing_of_them(admin, story):
    test = opened(page_of("campaigns"), lang="en", campaign=story)
    drawn = html_of(test)
    for words in ("Opened by an older system", "Level 1: pressed", "Level 2: failed: the subscription has"):
        assert words in drawn
    assert "&lt;script&gt;alert(1)&lt;/script&gt; **bold** :red[x] {dogName}" in drawn
    assert "<script>" not in drawn
    assert "**" not in test.title[0].value.replace("\\*", "")
    assert test.dataframe[0].value.iloc[0].drop(["Queued"]).to_dict()["State"] == "Subscription gone"
    assert "endpoint" not in drawn + str(test.dataframe[0].value)
    assert all(caption.proto.help for caption in test.caption[-10:-2] if caption.value in ("Status", "Arm"))


def test_why_explains_one_user_and_offers_several(admin, story, people):
    people.add("bob", days_ago=1, name="Bob", email="bob@example.org")
    people.add("bobby", days_ago=6, name="Bobby")
    people.subscribe("bob", "https://fcm.googleapis.com/fcm/send/secret", {})
    people.subscribe("bob", "ExponentPushToken[secret]", {})
    test = opened(page_of("why"), lang="en", user="ob")
    assert test.dataframe[0].value["Id"].tolist() == ["bob", "bobby"]
    test.session_state["people"] = {"selection": {"rows": [0], "columns": [], "cells": []}}
    test.run()
    assert test.query_params["id"] == "bob"
    assert "If nothing is done until" in test.success[0].value
    rules, phones = (frame.value for frame in test.dataframe)
    assert rules.set_index("Rule").loc["Days without activity"].tolist() == ["✗ holds back", "1", "5 or more"]
    assert rules.set_index("Rule").loc["Enough completed steps"].tolist() == ["✓ passed", "2", "2 or more"]
    assert phones.values.tolist() == [["expo", 1, "no"], ["https://fcm.googleapis.com", 1, "yes"]]
    assert "secret" not in str(phones)
    test.text_input[0].set_value("nobody at all").run()
    assert "Nobody has this id" in test.info[-1].value


def test_why_shows_the_campaigns_and_what_comes_next_for_a_stranger_with_a_hostile_name(admin, story):
    test = opened(page_of("why"), lang="en", id="alice")
    assert "Level 3 is due" in test.success[0].value
    assert test.dataframe[1].value["User"].tolist() == [HOSTILE]
    assert "<script>" not in " ".join(texts(test)).replace("\\<script\\>", "")


def test_tomorrow_shows_who_gets_which_text_and_why_others_do_not(admin, tomorrows, engine, dashboard, now):
    test = opened(page_of("tomorrow"), lang="en")
    assert figures(test) == {
        "Reminders": "3",
        "Level 1": "3",
        "Level 2": "0",
        "Level 3": "0",
        "Level 4": "0",
        "New campaigns": "3",
        "Campaigns closed": "0",
        "Held back": "1",
    }
    assert all(metric.help for metric in test.metric)
    shown = test.dataframe[0].value
    assert sorted(shown["User"]) == sorted(["fresh", f"{HOSTILE} too", "long"])
    plan = planner.dry_run(engine, dashboard, now=now + days(1))
    assert sorted(shown["Title"]) == sorted(one.title for one in plan.reminders)
    assert "1 inactive user has completed too few steps." in test.markdown[-1].value
    test.session_state["reminders"] = {"selection": {"rows": [0], "columns": [], "cells": []}}
    test.run()
    assert "<script>" not in html_of(test)
    today = opened(page_of("tomorrow"), lang="en", date="today")
    assert figures(today)["Reminders"] == "2"


def test_empty_pages_say_what_to_do(admin):
    assert "Run the planner" in opened(page_of("campaigns"), lang="en").info[-1].value
    assert "Write a name" in opened(page_of("why"), lang="en").info[-1].value
    assert "No reminder would be written" in opened(page_of("tomorrow"), lang="en").info[-1].value


def test_no_english_word_of_ours_is_left_on_the_russian_pages(admin, story, tomorrows):
    """F7."""
    for name, query in (("campaigns", {"campaign": story}), ("why", {"id": "alice"}), ("tomorrow", {})):
        english = opened(page_of(name), lang="en", **query)
        russian = opened(page_of(name), lang="ru", **query)
        left = set(texts(english)) & set(texts(russian))
        assert not {text for text in left if "alert" not in text}, name


def test_a_broken_database_is_told_and_shows_nothing(admin, engine, story):
    with engine.begin() as connection:
        connection.execute(text('ALTER TABLE "ReengagementNotification" RENAME TO "Away"'))
    for name, query in (("campaigns", {}), ("why", {"id": "alice"}), ("tomorrow", {})):
        test = opened(page_of(name), lang="en", **query)
        assert "can't be used" in test.error[0].value, name
        assert not test.dataframe, name


@pytest.mark.parametrize("name", PAGES)
def test_a_stranger_sees_nothing_but_the_sign_in_page(monkeypatch, dashboard, story, name):
    """F1."""
    monkeypatch.setattr("reengagement.dashboard.gate.visitor_token", lambda: None)
    test = opened(page_of(name), lang="en", user="alice", id="alice", campaign=story)
    assert [title.value for title in test.title] == ["Sign in"]
    assert not test.dataframe
    assert HOSTILE not in str(texts(test)) + html_of(test)
