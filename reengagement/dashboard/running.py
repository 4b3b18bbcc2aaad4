"""The run button: one press, one run, its progress, and what came of it (E2)."""

from __future__ import annotations

import logging
import threading
from datetime import datetime

import streamlit as st

from reengagement import planner, settings
from reengagement.dashboard import asking, labels, language, pressing
from reengagement.database import engine_of
from reengagement.errors import AlreadyRunning
from reengagement.planner import STAGES, RunReport
from reengagement.rules import Rules
from reengagement.words import Words

RUN, OUTCOME, ASKED = "run", "run_outcome", "run_asked"
"""Keys of the session's state: the run under way, how the last one ended, and the question whether to run
at night."""

POLL_SECONDS = 0.1

log = logging.getLogger(__name__)


class Background:
    """A run in a thread of its own, so that leaving the page or pressing anything can't break it off."""

    def __init__(self, started_by: str) -> None:
        self.stage: str = STAGES[0]
        self.outcome: RunReport | Exception | None = None
        self._started_by = started_by
        self._thread = threading.Thread(target=self._work, name="planner", daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> bool:
        """Wait for the end, for so long at most; tell whether it has come."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _work(self) -> None:
        current = settings.load()
        try:
            self.outcome = planner.run(
                engine_of(current), current, started_by=self._started_by, progress=self._tell
            )
        except Exception as error:
            log.exception("a run by hand failed")
            self.outcome = error

    def _tell(self, stage: str) -> None:
        self.stage = stage


def show_button(rules: Rules, now: datetime, started_by: str) -> None:
    """Show the button; out of hours a press only asks."""
    pressing.button(
        language.chosen().gettext("Run planner"),
        _press,
        (started_by, _within_hours(rules, now)),
        key="run_button",
        type="primary",
        icon=":material/play_arrow:",
        disabled=pressing.kept(RUN).what is not None,
    )


def _press(started_by: str, within_hours: bool) -> None:
    if within_hours:
        _start(started_by)
    else:
        asking.ask(ASKED)


def _start(started_by: str) -> None:
    """Start a run unless one is under way here; the planner's lock decides between sessions."""
    run, outcome = pressing.kept(RUN), pressing.kept(OUTCOME)
    if run.what is None:
        run.what, outcome.what = Background(started_by), None


def _within_hours(rules: Rules, now: datetime) -> bool:
    return rules.run_at <= rules.local(now).time() <= rules.run_until


def show_question(rules: Rules, now: datetime, started_by: str) -> None:
    """Show, after a press out of hours, what it would do, and ask."""
    if not asking.is_asked(ASKED):
        return
    _ = language.chosen().gettext
    question = _(
        "It is {time} in {zone}. Reminders of this run leave at once, "
        "outside the hours of {start} to {end}, and may wake people."
    ).format(
        time=f"{rules.local(now):%H:%M}",
        zone=rules.timezone,
        start=f"{rules.run_at:%H:%M}",
        end=f"{rules.run_until:%H:%M}",
    )
    asking.show(ASKED, question, _("Run it all the same"), _start, (started_by,))


def show_outcome(rules: Rules) -> None:
    """Show how the last run of this visitor ended."""
    outcome = pressing.kept(OUTCOME).what
    words = language.chosen()
    if isinstance(outcome, RunReport):
        with st.container(border=True, key="outcome"):
            st.markdown("  \n".join(four_lines(outcome, words)))
            st.caption("  \n".join(reasons(outcome, rules, words)))
    elif isinstance(outcome, AlreadyRunning):
        st.warning(words.gettext("Another run is under way. Wait until it has ended, then look again."))
    elif outcome is not None:
        st.error(words.gettext("The planner failed. Nothing of this run was written."))
        st.code(f"{type(outcome).__name__}: {outcome}", language=None, wrap_lines=True)


def wait_for_run() -> None:
    """Show the progress of a run under way until it ends, then draw the page anew.

    If the visitor does something else meanwhile, the run goes on and the next script run waits for it.
    """
    under_way, outcome = pressing.kept(RUN), pressing.kept(OUTCOME)
    run: Background | None = under_way.what
    if run is None:
        return
    words = language.chosen()
    bar = st.progress(0.0, labels.stage(words, run.stage))
    while not run.wait(POLL_SECONDS):
        bar.progress(STAGES.index(run.stage) / len(STAGES), labels.stage(words, run.stage))
    outcome.what, under_way.what = run.outcome, None
    st.rerun()


def four_lines(report: RunReport, words: Words) -> list[str]:
    """Return the four lines that a run answers with."""
    _ = words.gettext
    return [
        _("✅ Planner finished successfully!"),
        _("🆕 New campaigns: {n}").format(n=words.number(report.new_campaigns)),
        _("📨 Notifications scheduled: {n}").format(n=words.number(report.scheduled_notifications)),
        _("✔️ Campaigns closed: {n}").format(n=words.number(report.closed_campaigns)),
    ]


def reasons(report: RunReport, rules: Rules, words: Words) -> list[str]:
    """Return why the figures of `report` that are zero are zero, a sentence each."""
    _ = words.gettext
    found = []
    if report.new_campaigns == 0 and report.inactive == 0:
        found.append(
            words.ngettext(
                "No new campaigns: nobody has been inactive for {n} day or more.",
                "No new campaigns: nobody has been inactive for {n} days or more.",
                rules.level_days[0],
            )
        )
    elif report.new_campaigns == 0:
        found += [labels.held_back(words, reason, users) for reason, users in report.held_back.items()]
    if report.scheduled_notifications == 0:
        found.append(_("No notifications: no reminder of an open campaign is due yet."))
    if report.closed_campaigns == 0:
        found.append(_("None closed: nobody with an open campaign came back, and none has run its course."))
    if report.paused:
        found.append(_("Sending is paused: what was scheduled waits."))
    return found
