"""What the overview shows: totals, charts by level and by message type, days, recent campaigns."""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

import streamlit as st

from reengagement import charts, settings
from reengagement.dashboard import data, funnel, labels, language, markdown, period, running, showing, totals
from reengagement.dashboard.data import Overview
from reengagement.dashboard.problems import shown_in_words
from reengagement.metrics import Day, LastRun, RecentCampaign, Sent
from reengagement.rules import Rules
from reengagement.words import Words

STATUS_WIDTH = 110
"""Pixels: enough for the longest word in either language, also on a phone."""


SKELETON_HEIGHT = 600
"""Pixels: what is seen of the page before its data is there."""

DAYS_HEIGHT = 248
"""Pixels: as tall as the table of the funnel beside it; the days scroll."""


def show(name: str) -> None:
    """Show the overview to the admin `name`."""
    with shown_in_words(), st.skeleton(height=SKELETON_HEIGHT):
        found = data.overview(settings.load(), period.chosen())
    words = language.chosen()
    _show_head(found, name, words)
    answer = st.container()
    period.show(found.now, found.rules.zone)
    totals.show(found)
    if found.campaigns:
        reach, course = st.columns(2, gap="medium")
        with reach:
            funnel.show(found.figures.reach, found.rules.zone, words)
        with course:
            _show_days(found.figures.days, found.rules.zone, words)
        _show_rates(found, words)
        _show_campaigns(found.campaigns, found.rules, words)
    else:
        _show_what_to_do(found.rules, words)
    with answer:
        running.show_question(found.rules, found.now, name)
        running.show_outcome(found.rules)
        running.wait_for_run()


def _show_head(found: Overview, name: str, words: Words) -> None:
    _ = words.gettext
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom"):
        st.title(_("Overview"), anchor=False, width="content")
        with st.container(horizontal=True, width="content"):
            phone = settings.load().phone_url
            if phone:
                st.link_button(_("Open the phone"), phone, icon=":material/smartphone:")
            running.show_button(found.rules, found.now, name)
    with st.container():
        _show_last_run(found.last_run, found.rules, words)


def _show_last_run(run: LastRun | None, rules: Rules, words: Words) -> None:
    _ = words.gettext
    if run is None:
        st.caption(_("The planner hasn't run yet."))
        return
    st.caption(
        _("Last run: {when} · {starter} · {state}").format(
            when=words.moment(run.started_at, rules.zone),
            starter=labels.starter(words, run.kind, markdown.escaped(run.started_by)),
            state=labels.run_state(words, run.state),
        )
    )
    if run.state in ("failed", "crashed"):
        st.error(_("The last run failed. Nothing of it was written."))
        st.code(run.error or run.state, language=None, wrap_lines=True)


def _show_rates(found: Overview, words: Words) -> None:
    _ = words.gettext
    by_level, by_type = st.columns(2, gap="medium")
    with by_level:
        st.subheader(
            _("By level"),
            anchor=False,
            help=_(
                "Clicked ÷ sent for each step of a campaign, with its interval (95%). "
                "Later levels look worse because those who return early never reach them."
            ),
        )
        levels = [(labels.level(words, row.level), row) for row in found.figures.levels]
        _show_click_rates(levels, _("Level"), words, found.rules.zone, key="by_level")
        st.caption(_("Later levels look worse: those who return early never reach them."))
    with by_type:
        st.subheader(
            _("By message type"),
            anchor=False,
            help=_(
                "Clicked ÷ sent for each kind of text, with its interval (95%). Types are comparable only "
                "within one level, where the choice is random."
            ),
        )
        types = [(labels.message_type(words, row.message_type), row) for row in found.figures.types]
        _show_click_rates(types, _("Message type"), words, found.rules.zone, key="by_type")
        st.caption(_("Types are comparable only within a level, where the choice is random."))


def _show_click_rates(
    rows: Sequence[tuple[str, Sent]], title: str, words: Words, zone: ZoneInfo, key: str
) -> None:
    _ = words.gettext
    if not any(row.sent for _name, row in rows):
        st.info(_("Nothing has been sent yet."))
        return
    showing.chart(
        charts.click_rates([(name, row.click_rate) for name, row in rows], words),
        key=key,
        alt=", ".join(f"{name}: {words.percent(row.click_rate.share)}" for name, row in rows),
    )
    showing.table(
        {
            title: [name for name, _row in rows],
            _("Sent"): [row.sent for _name, row in rows],
            _("Clicked"): [row.clicked for _name, row in rows],
            _("Click rate"): [row.click_rate for _name, row in rows],
            _("Back in 7 days"): [row.return_rate for _name, row in rows],
        },
        key=f"{key}_table",
        zone=zone,
        definitions={
            _("Back in 7 days"): _(
                "Reminders whose user came back within 7 days of sending ÷ sent. "
                "They might have come back without it."
            )
        },
    )


def _show_days(days: Sequence[Day], zone: ZoneInfo, words: Words) -> None:
    _ = words.gettext
    lately = words.ngettext("The last {n} day", "The last {n} days", len(days))
    span = f"{words.day(days[0].date)} – {words.day(days[-1].date)}" if days else ""
    st.subheader(
        span if period.chosen().dates else lately,
        anchor=False,
        help=_("Each event counts on its own day: a click on Tuesday of Monday's reminder is Tuesday's."),
    )
    if not any(day.sent or day.clicked or day.returned for day in days):
        st.info(_("Nothing has happened in these days."))
        return
    showing.chart(charts.per_day(days, words), key="per_day", alt=_("Sent, clicked and returned per day"))
    showing.table(
        {
            _("Day"): [day.date for day in reversed(days)],
            _("Campaigns"): [day.campaigns for day in reversed(days)],
            _("Sent"): [day.sent for day in reversed(days)],
            _("Clicked"): [day.clicked for day in reversed(days)],
            _("Returned"): [day.returned for day in reversed(days)],
        },
        key="per_day_table",
        zone=zone,
        height=DAYS_HEIGHT,
    )


def _show_campaigns(campaigns: Sequence[RecentCampaign], rules: Rules, words: Words) -> None:
    _ = words.gettext
    st.subheader(
        _("Recent campaigns"),
        anchor=False,
        help=_("The campaigns opened last. The level is the one that is due next."),
    )
    status = _("Status")
    showing.table(
        {
            _("User"): [row.name or row.user_id for row in campaigns],
            status: [labels.campaign_status(words, row.status) for row in campaigns],
            _("Started"): [row.started_at for row in campaigns],
            _("Level"): [row.level for row in campaigns],
            _("Sent"): [row.sent for row in campaigns],
            _("Clicked"): [row.clicked for row in campaigns],
        },
        key="campaigns",
        zone=rules.zone,
        column_config={status: st.column_config.TextColumn(width=STATUS_WIDTH)},
    )


def _show_what_to_do(rules: Rules, words: Words) -> None:
    """Show what fills this page, while it is empty."""
    _ = words.gettext
    with st.container(border=True):
        st.subheader(_("No campaigns yet"), anchor=False)
        st.write(
            words.ngettext(
                "A campaign is opened for each user without activity for {n} day.",
                "A campaign is opened for each user without activity for {n} days.",
                rules.level_days[0],
            )
        )
        st.write(
            _(
                "Press **Run planner** to look for them now. By itself it runs daily at {time} ({zone})."
            ).format(time=f"{rules.run_at:%H:%M}", zone=rules.timezone)
        )
