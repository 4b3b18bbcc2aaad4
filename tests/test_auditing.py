"""Who did what: the trail has every deed, newest first, and nothing that breaks or floods it."""

from datetime import timedelta

import pytest

from reengagement import auditing, pause, planner
from tests.records import NOON


def trail(connection, **wanted):
    return [(note.who, note.what, note.details) for note in auditing.read(connection, **wanted).notes]


def test_notes_are_read_newest_first_by_person_and_by_action_page_by_page(connection):
    for number in range(5):
        auditing.note(connection, "Мария", "text_edited", NOON + timedelta(minutes=number), variant=number)
    auditing.note(connection, "Олег", "resent", NOON, notification="n-1", forced=True)
    found = auditing.read(connection, skip=1, limit=2)
    assert found.total == 6
    assert [note.details for note in found.notes] == [{"variant": 4}, {"variant": 3}]
    assert found.notes[0].at == NOON + timedelta(minutes=4)
    assert trail(connection, who="Олег") == [("Олег", "resent", {"notification": "n-1", "forced": True})]
    assert auditing.read(connection, what="text_edited", limit=1).total == 5
    assert trail(connection, who="Олег", what="text_edited") == []


@pytest.mark.parametrize("typed", ["\x00", "\ud800", "x" * 10_000, "😀" * 500, "' OR 1=1 --", ""])
def test_whatever_a_stranger_types_is_kept_short_and_stops_nothing(connection, typed):
    auditing.note(connection, typed, "sign_in_refused", NOON, account=typed)
    [(who, _what, details)] = trail(connection)
    assert len(who) <= auditing.LONGEST
    assert details["account"] == who


def test_an_action_without_a_name_is_refused(connection):
    with pytest.raises(ValueError, match="'danced' is not an action"):
        auditing.note(connection, "Мария", "danced", NOON)


def test_pauses_are_noted_once_each(connection):
    for _ in range(2):
        pause.pause(connection, by="Мария", now=NOON)
    for _ in range(2):
        pause.resume(connection, by="Олег", now=NOON)
    assert trail(connection) == [("Олег", "resumed", {}), ("Мария", "paused", {})]


def test_runs_by_hand_are_noted_and_those_of_the_schedule_have_their_row(engine, settings):
    """E3."""
    run = planner.run(engine, settings, started_by="Мария")
    planner.run(engine, settings, kind="scheduled", started_by="schedule", now=NOON)
    with engine.connect() as connection:
        assert trail(connection) == [("Мария", "run", {"run": run.run_id})]
