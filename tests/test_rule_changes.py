"""Rules that managers change: checked as a whole, never against the environment, with who did it."""

import pytest

from reengagement import auditing, rules
from reengagement.errors import RulesChanged, RulesRefused
from reengagement.rules import Rules
from tests.records import NOON


def change(connection, values, environment=None, seen=None):
    environment = environment or {}
    seen = seen or rules.in_force(connection, environment).rules
    return rules.change(connection, environment, values, seen=seen, by="maria", now=NOON)


def test_a_change_is_in_force_and_kept_with_who_made_it(connection):
    found = change(connection, {"gap_days": 5, "level_days": [4, 10, 20, 31]})
    assert rules.in_force(connection, {}) == found
    assert (found.rules.gap_days, found.rules.level_days) == (5, (4, 10, 20, 31))
    assert found.sources["gap_days"] == "database"
    assert rules.edits(connection)["gap_days"] == rules.Edit("maria", NOON)
    noted = {note.details["rule"]: note for note in auditing.read(connection, what="rule_changed").notes}
    assert noted["gap_days"].who == "maria"
    assert (noted["gap_days"].details["before"], noted["gap_days"].details["after"]) == ("3", "5")


def test_none_goes_back_to_the_default_and_is_noted(connection):
    change(connection, {"gap_days": 5})
    found = change(connection, {"gap_days": None})
    assert (found.rules.gap_days, found.sources["gap_days"]) == (3, "default")
    assert not rules.edits(connection)
    assert auditing.read(connection, what="rule_changed").total == 2


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ({"level_days": [5, 5, 20, 30]}, ("level_days",)),
        ({"level_days": [0, 5, 20, 30]}, ("level_days",)),
        ({"gap_days": -1}, ("gap_days",)),
        ({"look_back_days": 5}, ("look_back_days",)),
        ({"run_at": "20:00:00"}, ("run_until",)),
        ({"holdout_share": 1.0}, ("holdout_share",)),
        ({"expiry_hours": 3}, ("expiry_hours",)),
        ({"paused": "x"}, ("paused",)),
    ],
)
def test_what_does_not_hold_is_refused_by_name_and_nothing_is_written(connection, values, names):
    with pytest.raises(RulesRefused, match=names[0]) as refused:
        change(connection, values)
    assert refused.value.names == names
    assert rules.in_force(connection, {}).rules == Rules()
    assert auditing.read(connection).total == 0


def test_rules_that_hold_singly_may_be_refused_together(connection):
    """A look-back of 20 days holds with a first level of 5; then a first level of 21 doesn't."""
    change(connection, {"look_back_days": 20})
    with pytest.raises(RulesRefused, match="look_back_days"):
        change(connection, {"level_days": [21, 30, 40, 50]})
    assert change(connection, {"level_days": [19, 30, 40, 50]}).rules.level_days[0] == 19


def test_what_the_environment_fixes_is_refused(connection):
    with pytest.raises(RulesRefused, match="REENGAGEMENT_GAP_DAYS"):
        change(connection, {"gap_days": 5}, environment={"gap_days": "7"})


def test_a_rule_that_someone_changed_meanwhile_is_not_overwritten(connection):
    seen = rules.in_force(connection, {}).rules
    change(connection, {"gap_days": 5})
    with pytest.raises(RulesChanged, match="gap_days"):
        change(connection, {"gap_days": 4, "look_back_days": 40}, seen=seen)
    assert rules.in_force(connection, {}).rules == Rules(gap_days=5)
    assert change(connection, {"look_back_days": 40}, seen=seen).rules.look_back_days == 40
