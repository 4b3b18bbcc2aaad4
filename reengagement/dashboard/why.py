"""Why this user? Someone is looked for; then each rule, what comes next and when, and what was before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from reengagement import explaining, host, metrics, settings
from reengagement.dashboard import campaigns, coming, data, filters, language, links, rule_table, showing
from reengagement.dashboard.markdown import escaped
from reengagement.dashboard.problems import shown_in_words
from reengagement.database import clock
from reengagement.explaining import Explanation
from reengagement.metrics import Person, RecentCampaign
from reengagement.settings import Settings
from reengagement.words import Words

USER, ID = "user", "id"
"""Names in the address: what was looked for, and who was chosen."""

MOST_MATCHES = 20
MOST_CAMPAIGNS = 50


@dataclass(frozen=True)
class Known:
    """One user: how a run sees them now, and their campaigns so far, newest first."""

    person: Person
    explanation: Explanation
    campaigns: Sequence[RecentCampaign]


def show(name: str) -> None:
    """Show the field to look for someone with, and whoever was found."""
    words = language.chosen()
    _ = words.gettext
    st.title(_("Why this user?"), anchor=False)
    wanted = filters.write(
        USER,
        _("User"),
        help=_("A whole id, e-mail address or name is found at once; else whoever's name has it in it."),
        placeholder=_("Name, e-mail or id"),
        resets=(ID,),
    )
    chosen = filters.value(ID)
    if chosen:
        _show_user(chosen, words)
    elif wanted:
        _show_found(wanted, words)
    else:
        st.info(
            _(
                "Write a name, an e-mail address or an id: this page shows each rule for that user, "
                "what comes next and when."
            )
        )


def _show_found(wanted: str, words: Words) -> None:
    """Show who bears the name: the only one at once, several to choose from."""
    _ = words.gettext
    with shown_in_words(), data.snapshot(settings.load()) as connection:
        seen = host.connect(settings.load().host, connection)
        found = metrics.find_people(connection, seen, wanted, MOST_MATCHES + 1)
    if not found:
        st.info(_("Nobody has this id, e-mail address or name. Try a part of the name."))
    elif len(found) == 1:
        _show_user(found[0].user_id, words)
    else:
        _show_choice(found[:MOST_MATCHES], len(found) > MOST_MATCHES, words)


def _show_choice(found: Sequence[Person], more: bool, words: Words) -> None:
    _ = words.gettext
    st.text(_("Several users fit. Select a row:"))
    answer = st.dataframe(
        {
            _("Name"): [one.name for one in found],
            _("E-mail"): [one.email for one in found],
            _("Id"): [one.user_id for one in found],
        },
        hide_index=True,
        height="content",
        key="people",
        on_select="rerun",
        selection_mode="single-row",
    )
    if more:
        st.caption(_("There are more: write more of the name."))
    if answer.selection.rows:
        filters.change({ID: found[answer.selection.rows[0]].user_id})
        st.rerun()


def _show_user(user_id: str, words: Words) -> None:
    with shown_in_words():
        known = _read(settings.load(), user_id)
    if known is None:
        st.info(words.gettext("There is no user with this id."))
        return
    one = known.explanation
    st.subheader(escaped(known.person.name or user_id), anchor=False)
    st.text(" · ".join(filter(None, (known.person.email, user_id))))
    coming.show(one, words)
    st.subheader(
        words.gettext("The rules for a new campaign"),
        anchor=False,
        help=words.gettext("What the planner looks at before it opens a campaign, as it would see it now."),
    )
    rule_table.show(one, words)
    coming.show_phones(one, words)
    _show_campaigns(known, words)


def _read(current: Settings, user_id: str) -> Known | None:
    """Return what is known of the user, None where neither the host nor we know one. Raises
    ReengagementError."""
    with data.scratch(current) as connection:
        seen = host.connect(current.host, connection)
        person = metrics.person(connection, seen, user_id)
        if person is None:
            return None
        theirs = metrics.campaigns_of(connection, seen, user_id, MOST_CAMPAIGNS)
        return Known(person, explaining.explain(connection, current, user_id, clock(connection)), theirs)


def _show_campaigns(known: Known, words: Words) -> None:
    _ = words.gettext
    st.subheader(
        _("Campaigns so far"), anchor=False, help=_("One for each time the user lapsed, newest first.")
    )
    if not known.campaigns:
        st.info(_("No campaign has been opened for this user yet."))
        return
    st.caption(_("Select a row to see the campaign's story."))
    answer = showing.table(
        campaigns.columns(known.campaigns, words),
        key="campaigns_of_user",
        zone=known.explanation.rules.zone,
        on_select="rerun",
        selection_mode="single-row",
    )
    if answer.selection.rows:
        chosen = known.campaigns[answer.selection.rows[0]]
        links.show("campaigns", _("The campaign's story"), {campaigns.CAMPAIGN: chosen.id})
