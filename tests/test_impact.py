"""The page that says what reminders brought: without a holdout, with one, with one that can't be trusted."""

import json
from datetime import timedelta
from pathlib import Path

from sqlalchemy import insert

from reengagement import database
from reengagement.dashboard import better_texts, impact
from reengagement.metrics.choices import Compared
from reengagement.stats import Rate
from reengagement.stats.lift import Lift
from reengagement.tables import campaign
from reengagement.words import words
from tests.dashboards import figures, opened, texts
from tests.records import add_campaign, add_notification, days

PAGE = str(Path(__file__).parent.parent / "pages" / "impact.py")
ENGLISH, RUSSIAN = words("en"), words("ru")


def fill(engine, *arms, share):
    """Add ended campaigns: arm, how many, how many of them returned on the third day."""
    with engine.begin() as connection:
        start = database.clock(connection) - days(40)
        connection.execute(
            insert(campaign),
            [
                {
                    "id": f"{arm}-{number}",
                    "user_id": f"{arm}-{number}",
                    "is_active": False,
                    "last_activity_at": start,
                    "started_at": start,
                    "created_at": start,
                    "updated_at": start,
                    "arm": arm,
                    "holdout_share": share,
                    "first_return_at": start + timedelta(days=3) if number < returned else None,
                }
                for arm, campaigns, returned in arms
                for number in range(campaigns)
            ],
        )


def test_an_empty_page_says_what_to_do(admin):
    test = opened(PAGE, lang="en")
    assert "No campaigns yet" in test.info[0].value
    assert not test.metric


def test_without_a_holdout_the_page_says_what_it_cannot_know_and_how_to_know_it(admin, engine):
    fill(engine, ("treated", 50, 20), share=None)
    said = "\n".join(texts(opened(PAGE, lang="en")))
    assert "That can't be known yet" in said
    assert "Campaigns that have ended: 50, followed by a return: 20." in said
    assert "REENGAGEMENT_HOLDOUT_SHARE=0.1" in said


def test_the_answer_is_one_sentence_with_its_figures_curves_and_a_calculator(admin, engine):
    """350/1,000 − 60/250 = 11 points; of 350 returns 110 are the reminders'.

    Wilson: 32.10 to 38.01 and 19.13 to 29.67 %, so
    110 − √(29.0² + 56.7²) = 46 and 110 + √(30.1² + 48.7²) = 167.
    """
    fill(engine, ("treated", 1000, 350), ("holdout", 250, 60), share=0.2)
    with engine.begin() as connection:
        one = add_campaign(connection, "alice", database.clock(connection) - days(10), ordinal=1)
        add_notification(
            connection, one, variant_id="emotional-1-1", revision=1, choice_probability=0.1,
            sent_at=database.clock(connection) - days(9),
        )  # fmt: skip
    test = opened(PAGE, lang="en")
    assert [each.value for each in test.subheader] == [
        "About 110 of 350 returns came because of reminders, between 46 and 167.",
        "When users return",
        "How long would a holdout take?",
        "Which texts do better",
        "Take the data along",
    ]
    assert figures(test) == {
        "Reminded": "35.0%",
        "Held out": "24.0%",
        "Lift": "+11.0 pp",
        "Returns caused": "110",
    }
    assert all(each.help for each in (*test.metric, *test.subheader[1:]))
    (chart,) = [json.loads(each.proto.spec) for each in test.get("plotly_chart")]
    ends = {trace["name"]: trace["y"][-1] for trace in chart["data"] if "name" in trace}
    assert ends == {"Reminded": 0.35, "Held out": 0.24}
    trials, types, by_text = (each.value for each in test.dataframe)
    days_needed = trials["Days"].tolist()
    assert days_needed == sorted(days_needed, reverse=True)
    assert types["Sent"].sum() == 1
    assert len(by_text) > 25


def test_a_split_that_cannot_be_trusted_gives_no_answer(admin, engine):
    fill(engine, ("treated", 100, 35), ("holdout", 100, 24), share=0.2)
    test = opened(PAGE, lang="en")
    assert "of 200 users 100 were held out, where 40 were planned" in test.error[0].value
    assert not test.metric


def lift(value, low, high, treated=1000, returned=310):
    return Lift(value, (low, high), treated, returned)


def test_the_sentence_says_no_more_than_the_interval():
    assert impact.sentence(lift(0.04, 0.012, 0.071), ENGLISH) == (
        "About 40 of 310 returns came because of reminders, between 12 and 71."
    )
    assert impact.sentence(lift(0.04, 0.012, 0.071), RUSSIAN) == (
        "Примерно 40 из 310 возвращений — благодаря напоминаниям: от 12 до 71."
    )
    assert impact.sentence(lift(0.01, -0.02, 0.04), ENGLISH) == (
        "Whether reminders bring anyone back can't be told yet: of 310 returns anything between 20 fewer "
        "and 40 more is possible."
    )
    assert impact.sentence(lift(-0.03, -0.05, -0.01), ENGLISH) == (
        "Reminders cost returns: there are about 30 fewer than without, between 10 and 50."
    )


def test_a_badge_never_rounds_its_factor_up():
    row = Compared(1, "mixed", None, Rate(5, 50), Rate(1, 40), better_by=1.299)
    assert better_texts.badge(row, ENGLISH) == "🏅 at least 1.29 times as often"
    assert better_texts.badge(Compared(1, "mixed", None, Rate(5, 50), Rate(1, 40), 1.0), ENGLISH) == ""
