"""Rows to take along: what stands in them, where from, and that each column is described."""

import csv
import io
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from reengagement import export, metrics, settings
from reengagement.__main__ import cli
from reengagement.dashboard import taking_along
from tests.dashboards import settings_of, sign_in
from tests.records import NOON, add_campaign, add_notification, days

DOCUMENT = Path(__file__).parent.parent / "docs" / "export.md"


def read(lines):
    return list(csv.DictReader(io.StringIO("".join(lines).removeprefix("\ufeff"))))


@pytest.fixture
def history(engine):
    """Alice clicked and returned after three days; a user whose id is a formula was held out."""
    with engine.begin() as connection:
        alice = add_campaign(
            connection,
            "alice",
            NOON,
            is_active=False,
            closed_reason="returned",
            first_return_at=NOON + days(3),
        )
        add_notification(
            connection, alice, 1, sent_at=NOON, clicked_at=NOON + days(1), choice_probability=0.1
        )
        add_notification(connection, alice, 2, "mixed", outcome="unreachable")
        add_campaign(connection, "=1+1", NOON + days(1), arm="holdout", holdout_share=0.1)
    return engine


def test_every_campaign_and_every_notification_is_a_row(history):
    with history.connect() as connection:
        campaigns = read(export.lines(connection, export.CAMPAIGNS))
        first, second = read(export.lines(connection, export.NOTIFICATIONS))
    assert [(row["user_id"], row["status"], row["arm"], row["holdout_share"]) for row in campaigns] == [
        ("alice", "returned", "treated", ""),
        ("'=1+1", "active", "holdout", "0.1"),
    ]
    assert campaigns[0]["first_return_at"] == "2025-03-13 12:00:00"
    chosen = ("user_id", "sent", "clicked_within_72_hours", "returned_within_7_days", "choice_probability")
    assert [first[name] for name in chosen] == ["alice", "True", "True", "True", "0.1"]
    assert [second[name] for name in ("sent", "outcome", "returned_within_7_days")] == [
        "False", "unreachable", "False",
    ]  # fmt: skip


def test_the_rows_add_up_to_the_figures(history):
    with history.connect() as connection:
        totals = metrics.totals(connection)
        rows = read(export.lines(connection, export.NOTIFICATIONS))
        campaigns = read(export.lines(connection, export.CAMPAIGNS))
    assert sum(row["sent"] == "True" for row in rows) == totals.sent
    assert sum(bool(row["clicked_at"]) for row in rows) == totals.clicked
    assert sum(bool(row["first_return_at"]) for row in campaigns) == totals.returned


@pytest.mark.parametrize("name", export.SHEETS)
def test_the_command_and_the_dashboard_give_the_same_rows(history, monkeypatch, clone_url, tmp_path, name):
    with settings_of(monkeypatch, DATABASE_URL=clone_url):
        sign_in(monkeypatch, history)
        done = CliRunner().invoke(cli, ["export", name], catch_exceptions=False)
        target = tmp_path / "rows.csv"
        CliRunner().invoke(cli, ["export", name, "--output", str(target)], catch_exceptions=False)
        from_page = taking_along._only_while_signed_in(export.SHEETS[name])()
    settings.load.cache_clear()
    assert done.stdout_bytes == target.read_bytes() == from_page
    assert len(from_page.splitlines()) == 3


@pytest.mark.parametrize("name", export.SHEETS)
def test_every_column_is_described_alike_on_the_page_and_by_the_command(name):
    section = DOCUMENT.read_text().partition(f"## {name}\n")[2].partition("\n## ")[0]
    documented = re.findall(r"^\| `(\w+)` \| (.*) \|$", section, re.M)
    assert documented == [(column.name, column.meaning) for column in export.SHEETS[name].columns]
    said = CliRunner().invoke(cli, ["export", name, "--describe"], catch_exceptions=False).output
    assert all(f"{column}" in said and meaning in said for column, meaning in documented)
