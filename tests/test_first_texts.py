"""The texts that come with the package: enough of each kind, and written with care (C1-C3)."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from reengagement.placeholders import PLACEHOLDERS
from reengagement.tables import LEVELS, MESSAGE_TYPES
from reengagement.variants import Variant, check, first_texts

EMOJI = re.compile("[\U0001f000-\U0001faff\u2600-\u27bf]")
ACHIEVEMENTS = {"coursesCompleted", "stepsCompleted", "bestCourse"}
TEXTS = first_texts()
CELLS = [(level, kind) for level in LEVELS for kind in MESSAGE_TYPES]
each_text = pytest.mark.parametrize("one", TEXTS, ids=lambda one: one.id)


def of(level: int, kind: str | None = None) -> list[Variant]:
    return [one for one in TEXTS if one.level == level and kind in (None, one.message_type)]


def test_there_are_at_least_forty_with_eight_a_level_and_three_types_in_each() -> None:
    """C1"""
    assert len(TEXTS) >= 40
    for level in LEVELS:
        assert len(of(level)) >= 8
        assert len({one.message_type for one in of(level)}) >= 3
    assert {one.message_type for one in TEXTS} == set(MESSAGE_TYPES)


@pytest.mark.parametrize(("level", "kind"), CELLS)
def test_every_type_of_every_level_has_texts_with_and_without_what_a_user_may_lack(
    level: int, kind: str
) -> None:
    """C2, C3"""
    texts = of(level, kind)
    assert any("dogName" in one.placeholders for one in texts)
    assert any(not one.needs for one in texts)
    assert any(ACHIEVEMENTS & set(one.placeholders) for one in texts)


@pytest.mark.parametrize("level", LEVELS)
def test_every_level_keeps_three_texts_of_two_types_that_need_nothing(level: int) -> None:
    """C2"""
    free = [one for one in of(level) if not one.needs]
    assert len(free) >= 3
    assert len({one.message_type for one in free}) >= 2


def test_every_placeholder_is_used_somewhere() -> None:
    """C2"""
    assert {name for one in TEXTS for name in one.placeholders} == set(PLACEHOLDERS)


def test_no_two_texts_are_alike() -> None:
    """C4: a repeated wording under another id would be a repetition for the user."""
    for line in ("title", "body"):
        repeated = [text for text, times in Counter(getattr(one, line) for one in TEXTS).items() if times > 1]
        assert not repeated


@each_text
def test_a_text_is_valid_and_short_enough_for_a_phone(one: Variant) -> None:
    check(one.title, one.body, one.url)
    assert len(one.title) <= 45
    assert len(one.body) <= 120


@each_text
def test_a_text_doesnt_shout(one: Variant) -> None:
    text = f"{one.title} {one.body}"
    assert len(EMOJI.findall(text)) <= 1
    assert text.count("!") <= 1
    assert not re.search(r"\b[А-ЯЁ]{2,}\b", text)
    assert not re.search(r"(?<![.!?…] )(?<!^)\b(Вы|Вас|Вам|Ваш\w*)\b", one.body)


@each_text
def test_no_past_tense_agrees_with_a_name_whose_bearer_may_be_she_or_he(one: Variant) -> None:
    text = f"{one.title} {one.body}"
    assert not re.search(r"\{(dogName|userName)\}( \w+)? \w+(л|ла|лся|лась)\b", text)
    assert not re.search(r"\{(dogName|userName)\} (готов|рад|должен|должна|сам|сама)\w?\b", text)
