"""The overview's figures are read ahead: whoever opens it doesn't wait for them, and they stay fresh."""

import logging
import threading
import time

import pytest
from sqlalchemy import event

from reengagement.dashboard import data, figures, warming
from reengagement.dashboard.period import Chosen
from reengagement.database import clock, engine_of
from reengagement.settings import parse
from tests.records import add_campaign, add_notification, days


def until(holds):
    """Wait until something holds, for ten seconds at most."""
    ends = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < ends
        time.sleep(0.02)


@pytest.fixture
def read_by_us(settings):
    """The statements that this thread sends, which isn't the one that reads ahead."""
    statements = []
    us = threading.get_ident()

    def note(connection, cursor, statement, *rest):
        if threading.get_ident() == us:
            statements.append(statement)

    engine = engine_of(settings)
    event.listen(engine, "before_cursor_execute", note)
    yield statements
    event.remove(engine, "before_cursor_execute", note)


def sent(settings):
    return sum(row.sent for row in data.overview(settings, Chosen()).figures.levels)


def send(engine, user):
    with engine.begin() as connection:
        yesterday = clock(connection) - days(1)
        add_notification(connection, add_campaign(connection, user, yesterday), sent_at=yesterday)


def test_whoever_opens_the_overview_finds_its_figures_read_and_fresh(settings, engine, read_by_us):
    before = figures._generation
    with warming.keeping_warm(settings, every_seconds=0.1):
        until(lambda: figures._generation > before)
        assert sent(settings) == 0
        send(engine, "alice")
        until(lambda: sent(settings) == 1)
    assert read_by_us
    assert not [one for one in read_by_us if "furthest" in one]


def test_without_it_whoever_comes_first_reads_them(settings, read_by_us):
    assert sent(settings) == 0
    assert [one for one in read_by_us if "furthest" in one]


def test_what_takes_too_long_is_left_to_who_looks(settings, monkeypatch):
    monkeypatch.setattr(warming, "MOST_SECONDS", 0.0)
    before = figures._generation
    with warming.keeping_warm(settings, every_seconds=0.01):
        until(lambda: figures._generation > before)
        time.sleep(0.5)
    assert figures._generation == before + 1


def test_a_database_that_is_away_is_asked_again(caplog):
    caplog.set_level(logging.INFO, warming.__name__)
    away = parse({"DATABASE_URL": "postgresql://someone@localhost:1/nowhere"})
    with warming.keeping_warm(away, every_seconds=0.05):
        until(lambda: caplog.text.count("aren't read ahead") > 1)
