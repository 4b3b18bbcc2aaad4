"""The rules for opening a campaign, as a table for one user: pass or fail, and the figures behind it."""

from __future__ import annotations

from datetime import datetime

from reengagement.dashboard import labels, showing
from reengagement.explaining import Explanation
from reengagement.words import NOTHING, Words

Row = tuple[str, bool | None, str, str]
"""The rule, whether it is passed (None where it isn't consulted), what the user has, what it takes."""


def show(one: Explanation, words: Words) -> None:
    """Show the table."""
    _ = words.gettext
    found = rows(one, words)
    showing.table(
        {
            _("Rule"): [rule for rule, *_rest in found],
            _("Result"): [_result(passed, words) for _rule, passed, *_rest in found],
            _("This user"): [has for *_rest, has, _needs in found],
            _("It takes"): [needs for *_rest, needs in found],
        },
        key="rules",
        zone=one.rules.zone,
    )


def _result(passed: bool | None, words: Words) -> str:
    if passed is None:
        return words.gettext("– not consulted")
    return words.gettext("✓ passed") if passed else words.gettext("✗ holds back")


def rows(one: Explanation, words: Words) -> list[Row]:
    """Return each rule with its figures, in the order in which the planner looks at them."""
    _ = words.gettext
    failed = one.standing.failed
    return [
        (
            _("Days without activity"),
            "long_enough" not in failed,
            _away(one, words),
            _("{n} or more").format(n=words.number(one.rules.level_days[0])),
        ),
        (
            _("No longer away than the look-back"),
            "within_look_back" not in failed,
            _away(one, words),
            _("{n} or less").format(n=words.number(one.rules.look_back_days)),
        ),
        (
            _("No campaign is open"),
            "has_campaign" not in failed,
            _("one is open") if "has_campaign" in failed else _("none is open"),
            _("none is open"),
        ),
        (
            _("Enough completed steps"),
            "too_few_steps" not in failed,
            words.number(one.standing.steps),
            _("{n} or more").format(n=words.number(one.rules.min_completed_steps)),
        ),
        (
            _("Hasn't opted out"),
            "opted_out" not in failed,
            _("has opted out") if "opted_out" in failed else _("has not"),
            _("has not"),
        ),
        _host_settings(one, words),
        _new_lapse(one, words),
        (
            _("Isn't in the holdout"),
            one.arm != "holdout",
            labels.arm(words, one.arm),
            _("else nothing is sent"),
        ),
    ]


def _away(one: Explanation, words: Words) -> str:
    """Return the days since the last activity, rounded down to tenths: 4.99 are not 5."""
    last = one.standing.last_activity_at
    if last is None:
        return words.gettext("no completed step")
    tenths = (one.now - last).total_seconds() * 10 // 86400 / 10
    return words.number(tenths)


def _last_activity(one: Explanation, words: Words) -> str:
    return _when(one.standing.last_activity_at, one, words)


def _when(moment: datetime | None, one: Explanation, words: Words) -> str:
    return words.moment(moment, one.rules.zone) if moment else NOTHING


def _host_settings(one: Explanation, words: Words) -> Row:
    _ = words.gettext
    rule, takes = _("Doesn't refuse in the product's settings"), _("does not refuse")
    if not one.rules.honour_host_settings:
        return rule, None, NOTHING, _("this rule is off")
    refuses = "refused" in one.standing.failed
    return rule, not refuses, _("refuses") if refuses else takes, takes


def _new_lapse(one: Explanation, words: Words) -> Row:
    """After a campaign that ended without a return it takes a step since its start."""
    _ = words.gettext
    rule, standing = _("A lapse without a campaign so far"), one.standing
    if "has_campaign" in standing.failed:
        return rule, None, _("one is open"), NOTHING
    if standing.past_reason is None or standing.past_started_at is None:
        return rule, True, _("no campaign yet"), NOTHING
    if standing.past_reason == "returned":
        return rule, True, _("came back since"), NOTHING
    takes = _("a step since {when}").format(when=_when(standing.past_started_at, one, words))
    return rule, "same_lapse" not in standing.failed, _last_activity(one, words), takes
