"""Settings and rules: what is refused, and in which words."""

from __future__ import annotations

import pytest

from reengagement.errors import SettingsError
from reengagement.rules import Rules, in_force, validate
from reengagement.settings import RULE_NAMES, parse


def test_every_rule_can_be_fixed_by_the_environment():
    assert set(RULE_NAMES) == set(Rules.model_fields)


def test_an_unknown_setting_is_refused_and_the_nearest_suggested():
    with pytest.raises(SettingsError, match=r"REENGAGEMENT_GAP_DAY is not a setting.*REENGAGEMENT_GAP_DAYS"):
        parse({"REENGAGEMENT_GAP_DAY": "2"})


def test_an_empty_variable_counts_as_not_set():
    assert parse({"DATABASE_URL": "", "REENGAGEMENT_DEMO": " "}).database_url is None


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("DATABASE_URL", "sqlite:///x.db", "postgresql://"),
        ("REDIS_URL", "localhost:6379", "redis://"),
        ("REENGAGEMENT_PUBLIC_URL", "example.org", "http://"),
        ("REENGAGEMENT_DEMO", "perhaps", "boolean"),
        ("REENGAGEMENT_SECRET", "short", "32"),
        ("VAPID_SUBJECT", "me@example.org", "mailto:"),
        ("VAPID_SUBJECT", "mailto:x@localhost", "localhost"),
        ("VAPID_SUBJECT", "mailto: x@example.org", "blanks"),
        ("VAPID_SUBJECT", "https://box.local", "box.local"),
    ],
)
def test_a_malformed_setting_is_refused_by_name(variable, value, words):
    with pytest.raises(SettingsError, match=variable) as refused:
        parse({variable: value})
    assert words in str(refused.value)


def test_all_problems_are_told_at_once():
    with pytest.raises(SettingsError) as refused:
        parse({"REDIS_URL": "x", "DATABASE_URL": "y", "REENGAGEMENT_NONSENSE": "z"})
    for name in ("REDIS_URL", "DATABASE_URL", "REENGAGEMENT_NONSENSE"):
        assert name in str(refused.value)


def test_no_secret_stands_in_the_text_of_settings():
    shown = repr(parse({"VAPID_PRIVATE_KEY": "k" * 43, "REENGAGEMENT_SECRET": "s" * 32}))
    assert "kkkk" not in shown
    assert "ssss" not in shown


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"level_days": "5,12,20"}, "level_days"),
        ({"level_days": "5,5,20,30"}, "rising"),
        ({"level_days": "0,12,20,30"}, "rising"),
        ({"timezone": "Moscow"}, "Europe/Moscow"),
        ({"look_back_days": "5"}, "look_back_days must exceed"),
        ({"run_at": "21:00"}, "run_until must be later"),
        ({"gap_days": "-1"}, "gap_days"),
        ({"holdout_share": "1"}, "holdout_share"),
        ({"min_completed_steps": "many"}, "min_completed_steps"),
    ],
)
def test_malformed_rules_are_refused_by_name(values, words):
    with pytest.raises(SettingsError, match=words):
        validate(values)


def test_the_environment_wins_over_the_database_and_that_over_the_default(connection):
    from sqlalchemy import text

    connection.execute(
        text(
            "INSERT INTO \"ReengagementSetting\" VALUES ('gap_days', '4', now(), 'Мария'),"
            " ('look_back_days', '90', now(), 'Мария')"
        )
    )
    found = in_force(connection, {"gap_days": "2"})
    assert (found.rules.gap_days, found.rules.look_back_days, found.rules.min_completed_steps) == (2, 90, 2)
    assert found.sources["gap_days"] == "environment"
    assert found.sources["look_back_days"] == "database"
    assert found.sources["run_at"] == "default"


def test_a_malformed_rule_in_the_environment_names_its_variable(connection):
    with pytest.raises(SettingsError, match="REENGAGEMENT_GAP_DAYS"):
        in_force(connection, {"gap_days": "soon"})


def test_the_window_is_32_days_with_5_12_20_30():
    """metrics: window = last level's day - first level's + 7."""
    assert Rules().window.days == 32
    assert Rules(level_days=(3, 6, 9, 12)).window.days == 16
