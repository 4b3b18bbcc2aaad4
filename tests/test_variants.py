"""Who gets which text (C1-C4), and how texts are kept and edited (C5)."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, func, insert, select, update

from reengagement import tables
from reengagement.errors import VariantError
from reengagement.variants import (
    Facts,
    Library,
    Variant,
    choose,
    edit,
    first_texts,
    load_library,
    render,
    seed,
)

NOW = datetime(2026, 3, 1, 5)
LATER = datetime(2026, 3, 2, 5)


def variant(name: str, text: str = "Пора заниматься", level: int = 1, kind: str = "emotional") -> Variant:
    return Variant(name, level, kind, text, "Занятие ждёт", "/trainings", 1)


PLAIN = [variant(f"plain-{letter}") for letter in "abcd"]
DOGS = [variant(f"dog-{letter}", "{dogName} ждёт") for letter in "abc"]
STEPS = [variant("steps", "{stepsCompleted|шаг|шага|шагов}")]
LIBRARY = Library([*PLAIN, *DOGS, *STEPS, variant("second", level=2)])
ALICE = Facts("alice", "Алиса", "Рекс", steps_completed=3)
BOB = Facts("bob", "Боб", steps_completed=3)


def chosen(facts: Facts, used: dict[str, int], seed: str = "s", level: int = 1) -> str:
    choice = choose(LIBRARY, level, facts, used, seed)
    assert choice is not None
    return choice.variant.id


def test_the_same_seed_chooses_the_same_text_in_every_process_and_version() -> None:
    ids = [chosen(BOB, {}, f"seed {n}") for n in range(6)]
    assert ids == ["plain-b", "steps", "steps", "plain-a", "plain-c", "plain-b"]


def test_every_text_of_the_pool_is_equally_likely_and_the_probability_says_so() -> None:
    counts = Counter(chosen(BOB, {}, str(n)) for n in range(5_000))
    assert set(counts) == {"plain-a", "plain-b", "plain-c", "plain-d", "steps"}
    assert all(850 < count < 1150 for count in counts.values())
    choice = choose(LIBRARY, 1, BOB, {}, "s")
    assert choice is not None
    assert choice.probability == pytest.approx(1 / 5)


def test_a_user_with_a_dog_gets_a_text_with_its_name_while_one_is_unused() -> None:
    """C3"""
    used: dict[str, int] = {}
    for n in range(3):
        used[chosen(ALICE, used, str(n))] = n
    assert set(used) == {"dog-a", "dog-b", "dog-c"}
    assert chosen(ALICE, used) not in used


def test_nothing_is_repeated_while_something_is_unused() -> None:
    """C4"""
    used: dict[str, int] = {}
    for n in range(8):
        one = chosen(ALICE, used, str(n))
        assert one not in used
        used[one] = n
    assert len(used) == 8


def test_when_all_were_used_the_one_used_longest_ago_comes_again() -> None:
    """C4"""
    used = {one.id: when for when, one in enumerate([*PLAIN, *STEPS, *DOGS], start=10)}
    assert chosen(ALICE, used) == "plain-a"
    assert chosen(ALICE, {**used, "plain-a": 99}) == "plain-b"
    tied = choose(LIBRARY, 1, BOB, dict.fromkeys(used, 7), "s")
    assert tied is not None
    assert tied.probability == pytest.approx(1 / 5)


def test_a_text_that_is_no_longer_in_the_library_doesnt_matter() -> None:
    assert chosen(BOB, {"gone": 5, "plain-a": 1}) in {"plain-b", "plain-c", "plain-d", "steps"}


@pytest.mark.parametrize(("steps", "eligible"), [(0, False), (1, True), (-1, False)])
def test_a_number_below_one_is_nothing_to_speak_of(steps: int, eligible: bool) -> None:
    """C2"""
    only = Library(STEPS)
    assert (choose(only, 1, Facts("c", steps_completed=steps), {}, "s") is not None) is eligible


def test_there_is_no_choice_only_where_nothing_is_eligible() -> None:
    assert choose(Library(DOGS), 1, BOB, {}, "s") is None
    assert choose(LIBRARY, 3, ALICE, {}, "s") is None
    assert choose(Library([]), 1, ALICE, {}, "s") is None


def test_a_text_for_someone_who_lacks_what_it_needs_is_refused_not_shown_with_a_hole() -> None:
    with pytest.raises(VariantError, match="dogName"):
        render(DOGS[0], BOB)


@given(
    st.builds(
        Facts,
        st.text(max_size=5),
        st.none() | st.text(max_size=60),
        st.none() | st.text(max_size=60),
        st.integers(-1, 3),
        st.integers(-1, 3),
        st.none() | st.text(max_size=80),
        st.integers(-1, 3),
        st.integers(-1, 3),
    ),
    st.integers(1, 4),
    st.dictionaries(st.sampled_from([one.id for one in first_texts()]), st.integers(0, 9)),
    st.text(max_size=9),
)
def test_whatever_the_user_is_called_there_is_a_text_and_it_can_be_rendered(
    facts: Facts, level: int, used: dict[str, int], seed: str
) -> None:
    """C2, C4; bad input: one bad user never stops a run."""
    library = Library(first_texts())
    choice = choose(library, level, facts, used, seed)
    assert choice is not None
    text = render(choice.variant, facts)
    assert 0 < len(text.title) <= 100
    assert 0 < len(text.body) <= 250
    every, _ = library.eligible(level, facts)
    if choice.variant.id in used:
        assert all(one.id in used and used[one.id] >= used[choice.variant.id] for one in every)


@pytest.fixture
def library(connection: Connection) -> Library:
    """The first texts, in the database."""
    seed(connection, NOW)
    return load_library(connection)


def revisions(connection: Connection, variant_id: str) -> list[tuple[int, str, str]]:
    rows = connection.execute(
        select(tables.revision.c.revision, tables.revision.c.title, tables.revision.c.created_by)
        .where(tables.revision.c.variant_id == variant_id)
        .order_by(tables.revision.c.revision)
    )
    return [(row.revision, row.title, row.created_by) for row in rows]


def change(connection: Connection, title: str, based_on: int | None = None) -> int:
    return edit(
        connection,
        "emotional-1-1",
        title=title,
        body="Занятие ждёт",
        url="/trainings",
        by="Мария",
        now=LATER,
        based_on=based_on,
    )


def test_the_first_texts_are_stored_once_and_come_back_as_they_were(
    connection: Connection, library: Library
) -> None:
    """C1"""
    assert seed(connection, LATER) == 0
    assert {one for level in library.levels.values() for one in level} == set(first_texts())
    assert connection.execute(select(func.count()).select_from(tables.revision)).scalar_one() == len(
        first_texts()
    )


def test_only_a_text_that_the_database_lacks_is_added(connection: Connection, library: Library) -> None:
    gone = "mixed-4-1"
    connection.execute(tables.revision.delete().where(tables.revision.c.variant_id == gone))
    connection.execute(tables.variant.delete().where(tables.variant.c.id == gone))
    assert seed(connection, LATER) == 1
    assert gone in {one.id for one in load_library(connection).levels[4]}


def test_an_edit_makes_a_revision_and_the_old_one_stays(connection: Connection, library: Library) -> None:
    """C5"""
    before = revisions(connection, "emotional-1-1")
    assert change(connection, " {dogName} здесь ") == 2
    assert revisions(connection, "emotional-1-1") == [*before, (2, "{dogName} здесь", "Мария")]
    newest = {one.id: one for one in load_library(connection).levels[1]}["emotional-1-1"]
    assert (newest.title, newest.revision) == ("{dogName} здесь", 2)


def test_seeding_again_keeps_what_was_edited(connection: Connection, library: Library) -> None:
    """C5"""
    change(connection, "{dogName} здесь")
    assert seed(connection, LATER) == 0
    assert {one.id: one.title for one in load_library(connection).levels[1]}[
        "emotional-1-1"
    ] == "{dogName} здесь"


def test_a_text_that_didnt_change_makes_no_revision(connection: Connection, library: Library) -> None:
    change(connection, "{dogName} здесь")
    assert change(connection, "{dogName} здесь") == 2
    assert len(revisions(connection, "emotional-1-1")) == 2


def test_a_bad_text_is_refused_and_changes_nothing(connection: Connection, library: Library) -> None:
    """C5"""
    with pytest.raises(VariantError, match=r"Did you mean \{dogName\}"):
        change(connection, "{dogname} здесь")
    assert len(revisions(connection, "emotional-1-1")) == 1


def test_of_two_editors_of_one_text_the_second_is_told(connection: Connection, library: Library) -> None:
    assert change(connection, "Первая правка", based_on=1) == 2
    with pytest.raises(VariantError, match="Someone else") as caught:
        change(connection, "Вторая правка", based_on=1)
    assert caught.value.code == "changed"
    assert change(connection, "Вторая правка", based_on=2) == 3


def test_an_unknown_variant_cant_be_edited(connection: Connection, library: Library) -> None:
    with pytest.raises(VariantError, match="no variant 'nothing'"):
        edit(connection, "nothing", title="а", body="б", url="/", by="Мария", now=LATER)


def test_a_disabled_text_is_not_chosen(connection: Connection, library: Library) -> None:
    connection.execute(update(tables.variant).where(tables.variant.c.level == 1).values(enabled=False))
    loaded = load_library(connection)
    assert 1 not in loaded.levels
    assert choose(loaded, 1, ALICE, {}, "s") is None


def test_a_text_broken_by_sql_is_left_out_and_named_and_the_rest_go_on(
    connection: Connection, library: Library, caplog: pytest.LogCaptureFixture
) -> None:
    """Bad input: a variant with an unknown placeholder."""
    connection.execute(insert(tables.variant).values(id="broken", level=1, message_type="mixed"))
    connection.execute(
        insert(tables.revision).values(
            variant_id="broken",
            revision=1,
            title="{catName}",
            body="б",
            url="/",
            created_at=NOW,
            created_by="psql",
        )
    )
    loaded = load_library(connection)
    assert "catName" in loaded.refused["broken"]
    assert len(loaded.levels[1]) == len(library.levels[1])
    assert "variant refused" in caplog.messages
