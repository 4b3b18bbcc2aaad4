"""What reminders brought: the answer in a sentence, its curves, a calculator, the better texts."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from reengagement import charts, settings
from reengagement.dashboard import better_texts, impact_data, labels, language, showing, taking_along, trial
from reengagement.dashboard.impact_data import Impact
from reengagement.dashboard.problems import shown_in_words
from reengagement.metrics import Course
from reengagement.stats.lift import ENOUGH_RETURNS, Lift, Verdict
from reengagement.stats.rates import ENOUGH, Rate
from reengagement.stats.survival import Point, Watched, returned_by, share_by
from reengagement.words import Words

NARROWEST_CARD = 150


def show(name: str) -> None:
    """Show what reminders brought to the admin `name`."""
    words = language.chosen()
    _ = words.gettext
    st.title(_("What did it bring?"), anchor=False)
    with shown_in_words(), st.spinner(_("Working it out…")):
        found = impact_data.impact(settings.load())
    if not found.courses:
        st.info(_("No campaigns yet: run the planner on the overview, and come back when some have ended."))
        return
    _show_answer(found, words)
    _show_courses(found, words)
    trial.show(found, words)
    better_texts.show(words, found.rules.zone)
    taking_along.show(words)


def _show_answer(found: Impact, words: Words) -> None:
    verdict = found.verdict
    {
        "no_holdout": _say_no_holdout,
        "uneven": _say_uneven,
        "too_few": _say_too_few,
        "told": _tell,
    }[verdict.state](found, words)


def _say_no_holdout(found: Impact, words: Words) -> None:
    _ = words.gettext
    with st.container(border=True):
        st.subheader(_("That can't be known yet"), anchor=False)
        st.write(
            _(
                "Campaigns that have ended: {campaigns}, followed by a return: {returned}. How many users "
                "would have come back by themselves nobody can tell: all of them were reminded."
            ).format(
                campaigns=words.number(found.matured.campaigns),
                returned=words.number(found.matured.returned),
            )
        )
        st.write(
            _(
                "To know it, hold out a share of the users: for them a campaign is recorded and nothing is "
                "sent. Set the rule `holdout_share`, for example `REENGAGEMENT_HOLDOUT_SHARE=0.1` for "
                "one user in ten. Chance decides who, and they stay held out. The calculator below says how "
                "long it takes."
            )
        )


def _say_uneven(found: Impact, words: Words) -> None:
    _ = words.gettext
    users = sum(one.treated + one.holdout for one in found.verdict.allocations)
    planned = sum(one.share * (one.treated + one.holdout) for one in found.verdict.allocations)
    st.error(
        _(
            "No answer: of {users} users {held} were held out, where {planned} were planned. Chance makes "
            "such a difference less than once in a thousand times, so something else decides who is "
            "reminded, and the two groups can't be compared. Has someone changed campaigns in the database?"
        ).format(
            users=words.number(users),
            held=words.number(sum(one.holdout for one in found.verdict.allocations)),
            planned=words.number(round(planned)),
        )
    )


def _say_too_few(found: Impact, words: Words) -> None:
    _ = words.gettext
    treated, holdout = found.verdict.treated, found.verdict.holdout
    with st.container(border=True):
        st.subheader(_("Too few to tell"), anchor=False)
        st.write(
            _(
                "Each group needs {campaigns} campaigns that have ended and {returns} returns. "
                "Reminded: {treated} and {treated_returns}. Held out: {holdout} and {holdout_returns}."
            ).format(
                campaigns=ENOUGH,
                returns=ENOUGH_RETURNS,
                treated=words.number(treated.n),
                treated_returns=words.number(treated.hits),
                holdout=words.number(holdout.n),
                holdout_returns=words.number(holdout.hits),
            )
        )
        st.caption(
            words.ngettext(
                "A campaign has ended {n} day after it was opened: until then its user may still return.",
                "A campaign has ended {n} days after it was opened: until then its user may still return.",
                found.rules.window.days,
            )
        )


def _tell(found: Impact, words: Words) -> None:
    lift = found.verdict.lift
    assert lift is not None
    st.subheader(sentence(lift, words), anchor=False)
    _show_figures(found.verdict, lift, words)


def sentence(lift: Lift, words: Words) -> str:
    """Return the answer in one sentence."""
    low, high = lift.caused_interval
    figures = {
        "caused": words.number(round(abs(lift.caused))),
        "low": words.number(round(min(abs(low), abs(high)))),
        "high": words.number(round(max(abs(low), abs(high)))),
    }
    if low > 0:
        return words.ngettext(
            "About {caused} of {n} return came because of reminders, between {low} and {high}.",
            "About {caused} of {n} returns came because of reminders, between {low} and {high}.",
            lift.returned,
            **figures,
        )
    if high < 0:
        return words.gettext(
            "Reminders cost returns: there are about {caused} fewer than without, between {low} and {high}."
        ).format(**figures)
    return words.ngettext(
        "Whether reminders bring anyone back can't be told yet: of {n} return anything between {fewer} "
        "fewer and {more} more is possible.",
        "Whether reminders bring anyone back can't be told yet: of {n} returns anything between {fewer} "
        "fewer and {more} more is possible.",
        lift.returned,
        fewer=words.number(round(-low)),
        more=words.number(round(high)),
    )


def _show_figures(verdict: Verdict, lift: Lift, words: Words) -> None:
    _ = words.gettext
    low, high = lift.interval
    caused_low, caused_high = lift.caused_interval
    grid = st.grid(4, min_column_width=NARROWEST_CARD, key="impact")
    for label, value, below, definition in (
        (_("Reminded"), words.percent(verdict.treated.share), _of(verdict.treated, words),
         _("Returned ÷ campaigns that have ended, of users who were reminded while others were held out.")),
        (_("Held out"), words.percent(verdict.holdout.share), _of(verdict.holdout, words),
         _("Returned ÷ campaigns that have ended, of users for whom nothing was sent.")),
        (_("Lift"), labels.points(words, lift.lift),
         _("{low} to {high}").format(low=words.signed(low * 100), high=words.signed(high * 100)),
         _("Return rate of the reminded − of those held out, in percentage points, with its interval (95%, "
           "Newcombe), compared within each share that was in force.")),
        (_("Returns caused"), words.number(round(lift.caused)),
         _("{low} to {high}").format(
             low=words.number(round(caused_low)), high=words.number(round(caused_high))),
         _("Campaigns of the reminded × lift: returns that would not have been without reminders.")),
    ):  # fmt: skip
        grid.metric(
            label, value, below, delta_color="off", delta_arrow="off", help=definition, border=True,
            height="stretch",
        )  # fmt: skip


def _of(rate: Rate, words: Words) -> str:
    return words.gettext("{hits} of {n}").format(hits=words.number(rate.hits), n=words.number(rate.n))


def _show_courses(found: Impact, words: Words) -> None:
    _ = words.gettext
    st.subheader(
        _("When users return"),
        anchor=False,
        help=_(
            "The share that has returned by each day (Kaplan–Meier), with its interval (95%) at each day. "
            "Only today's date cuts a campaign off; that one was closed, or its user opted out, doesn't."
        ),
    )
    curves = curves_of(found.courses, words)
    window = found.rules.window.days
    showing.chart(
        charts.returns_over_time(curves, words),
        key="returns_over_time",
        alt=", ".join(
            f"{name}: {words.percent(share_by(points, window).share)}" for name, _c, points in curves
        ),
    )
    shares = {one.share for one in found.courses}
    if len(curves) == 2 and len(shares) > 1:
        st.caption(_("Only campaigns of the holdout share that most users were held out under."))


def curves_of(courses: Sequence[Course], words: Words) -> list[tuple[str, str, list[Point]]]:
    """Return name, colour and points of both arms under the share that held out most; else of everyone."""
    _ = words.gettext
    held = [one for one in courses if one.arm == "holdout"]
    if not held:
        return [(_("All campaigns"), charts.RETURNED, returned_by(_watched(courses)))]
    most = max(held, key=lambda one: sum(group.returned + group.unseen for group in one.watched))
    treated = [one for one in courses if one.arm == "treated" and one.share == most.share]
    return [
        (_("Reminded"), charts.RETURNED, returned_by(_watched(treated))),
        (_("Held out"), charts.SENT, returned_by(_watched([most]))),
    ]


def _watched(courses: Sequence[Course]) -> list[Watched]:
    return [group for one in courses for group in one.watched]
