"""What stands in a text: refusals with a sentence, one pass, names that are fit for a line (C2, C5)."""

from __future__ import annotations

import unicodedata

import pytest
import regex
from hypothesis import example, given
from hypothesis import strategies as st

from reengagement.errors import VariantError
from reengagement.placeholders import (
    BODY_LENGTH,
    COURSE_LENGTH,
    LARGEST_NUMBER,
    NAME_LENGTH,
    PLACEHOLDERS,
    TITLE_LENGTH,
    Facts,
    available,
    check,
    clean,
    compile_line,
)

ALICE = Facts("alice", "Алиса", "Рекс", 2, 21, "Послушание", 5, 1)
FAMILY = "👨‍👩‍👧‍👦"
TORN_ACCENT = "е" + "\u0301"

names = st.text(max_size=120)
facts = st.builds(
    Facts,
    st.just("u"),
    st.none() | names,
    st.none() | names,
    st.integers(-1, LARGEST_NUMBER),
    st.integers(-1, LARGEST_NUMBER),
    st.none() | names,
    st.integers(-1, LARGEST_NUMBER),
    st.integers(-1, LARGEST_NUMBER),
)


def filled(text: str, facts: Facts = ALICE) -> str:
    return compile_line(text).fill(facts)


def refusal(title: str = "Привет", body: str = "Занятие ждёт", url: str = "/trainings") -> VariantError:
    with pytest.raises(VariantError) as caught:
        check(title, body, url)
    return caught.value


def test_every_placeholder_is_replaced_by_its_fact() -> None:
    """C2"""
    text = (
        "{userName} {dogName} {coursesCompleted} {stepsCompleted} {bestCourse} {activeThisWeek} {activeToday}"
    )
    assert filled(text) == "Алиса Рекс 2 21 Послушание 5 1"


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (1, "1 шаг"),
        (2, "2 шага"),
        (4, "4 шага"),
        (5, "5 шагов"),
        (11, "11 шагов"),
        (12, "12 шагов"),
        (14, "14 шагов"),
        (21, "21 шаг"),
        (22, "22 шага"),
        (111, "111 шагов"),
        (1001, "1001 шаг"),
    ],
)
def test_a_number_takes_the_russian_form_that_fits_it(count: int, expected: str) -> None:
    assert filled("{stepsCompleted|шаг|шага|шагов}", Facts("a", steps_completed=count)) == expected


@pytest.mark.parametrize(
    "name", ["{dogName}", "{userName}", "<script>alert(1)</script>", "100 %s", "%(x)s", "{", "}"]
)
def test_what_looks_like_a_placeholder_in_a_name_stays_as_it_is(name: str) -> None:
    """Bad input: a pet named {dogName} or <script>."""
    alice = Facts("a", user_name="Алиса", dog_name=name)
    assert filled("{dogName} и {userName}", alice) == f"{name} и Алиса"


def test_a_percent_sign_in_a_text_is_only_a_percent_sign() -> None:
    assert filled("100 % готово, {dogName}: %s %d %%") == "100 % готово, Рекс: %s %d %%"


@pytest.mark.parametrize(
    "blank", [None, "", " ", "\t\n", "\u00a0", "\u200b\u200d", "\u202e", "\u0301", "\x00", "\u3000\u2028"]
)
def test_a_name_with_nothing_to_see_is_absent(blank: str | None) -> None:
    """Bad input: a user with no name."""
    assert clean(blank, NAME_LENGTH) == ""
    assert not available(Facts("a", user_name=blank, dog_name=blank, best_course=blank))


def test_controls_and_line_breaks_in_a_name_become_one_space() -> None:
    assert clean("  Рекс\r\n\tвторой\u2028\x07 ", NAME_LENGTH) == "Рекс второй"
    assert clean("Рекс\u202eтсев", NAME_LENGTH) == "Рекс тсев"


def test_a_name_of_40_characters_stays_and_one_of_41_is_cut_to_40() -> None:
    assert clean("я" * 40, NAME_LENGTH) == "я" * 40
    assert clean("я" * 41, NAME_LENGTH) == "я" * 39 + "…"
    assert clean("я" * 10_000, NAME_LENGTH) == "я" * 39 + "…"
    assert clean("я" * 61, COURSE_LENGTH) == "я" * 59 + "…"


def test_an_emoji_at_the_cut_survives_whole_or_goes_whole() -> None:
    assert clean("я" * 32 + FAMILY + "яя", NAME_LENGTH) == "я" * 32 + FAMILY + "…"
    assert clean("я" * 33 + FAMILY + "яя", NAME_LENGTH) == "я" * 33 + "…"
    assert clean("🇷🇺" * 25, NAME_LENGTH) == "🇷🇺" * 19 + "…"
    assert clean("я" * 38 + TORN_ACCENT + "яя", NAME_LENGTH) == "я" * 38 + "…"


def test_a_single_grapheme_that_never_ends_is_no_name() -> None:
    assert clean("z" + "\u0301" * 10_000, NAME_LENGTH) == ""


@given(names)
@example("a" * 39 + FAMILY)
@example("\ud800")
def test_a_cleaned_name_is_one_short_line_of_whole_graphemes(name: str) -> None:
    cleaned = clean(name, NAME_LENGTH)
    assert len(cleaned) <= NAME_LENGTH
    assert cleaned == cleaned.strip()
    assert not {unicodedata.category(character) for character in cleaned} & {"Cc", "Cs", "Zl", "Zp"}
    assert clean(cleaned, NAME_LENGTH) == cleaned
    cleaned.encode()
    if cleaned.endswith("…") and "…" not in name:
        spaced = " ".join(regex.sub(r"[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control=Yes}]", " ", name).split())
        whole = regex.findall(r"\X", spaced)
        assert regex.findall(r"\X", cleaned[:-1]) == whole[: len(regex.findall(r"\X", cleaned[:-1]))]


@given(facts)
def test_a_user_has_exactly_the_placeholders_that_have_a_value(one: Facts) -> None:
    expected = {name for name, each in PLACEHOLDERS.items() if each.value(one)}
    assert {name for name, each in PLACEHOLDERS.items() if available(one) & each.bit} == expected


@given(facts, st.lists(st.sampled_from([*PLACEHOLDERS, "шаг", " ", "%", "🐾"]), max_size=6))
def test_a_text_filled_for_whoever_has_the_facts_is_never_longer_than_foretold(
    one: Facts, words: list[str]
) -> None:
    line = compile_line("".join(f"{{{word}}}" if word in PLACEHOLDERS else word for word in words))
    if line.needs & ~available(one):
        with pytest.raises(VariantError, match="needs"):
            line.fill(one)
    else:
        assert len(line.fill(one)) <= line.longest


@given(st.text(alphabet="{}|dogName stepsCompleted%ш", max_size=60))
def test_any_text_is_either_refused_with_a_sentence_or_can_be_filled(text: str) -> None:
    try:
        line = compile_line(text)
    except VariantError as error:
        refusal = str(error)
    else:
        refusal = ""
        line.fill(ALICE)
    assert not refusal or refusal.endswith((".", "?"))


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("Привет, {dogname}", "placeholder", "{dogName}"),
        ("Привет, {dog_name}", "placeholder", "{dogName}"),
        ("Привет, {zzz}", "placeholder", "Known: userName"),
        ("Привет, {}", "placeholder", "not a placeholder"),
        ("Привет, {dogName", "braces", "partner"),
        ("Привет, dogName}", "braces", "partner"),
        ("Привет, {{dogName}}", "braces", "partner"),
        ("{dogName|пёс|пса|псов}", "plural", "name, not a number"),
        ("{stepsCompleted|шаг|шага}", "plural", "three"),
        ("{stepsCompleted|шаг|шага|шагов|шагов}", "plural", "three"),
        ("{stepsCompleted|шаг||шагов}", "plural", "three"),
        ("", "empty", "empty"),
        (" \u00a0", "empty", "empty"),
        ("две\nстроки", "control", "one line"),
    ],
)
def test_a_bad_title_or_body_is_refused_with_a_sentence(text: str, code: str, says: str) -> None:
    """C5"""
    for error in (refusal(title=text), refusal(body=text)):
        assert error.code == code
        assert says in str(error)


def test_a_title_may_reach_100_characters_and_a_body_250_with_the_longest_names() -> None:
    check("я" * TITLE_LENGTH, "я" * BODY_LENGTH, "/")
    assert refusal(title="я" * (TITLE_LENGTH + 1)).code == "length"
    assert refusal(body="я" * (BODY_LENGTH + 1)).code == "length"
    check(
        "{dogName}" + "я" * (TITLE_LENGTH - NAME_LENGTH),
        "{bestCourse}" + "я" * (BODY_LENGTH - COURSE_LENGTH),
        "/",
    )
    assert refusal(title="{dogName}" + "я" * (TITLE_LENGTH - NAME_LENGTH + 1)).code == "length"


@pytest.mark.parametrize("url", ["/", "/trainings", "/courses?from=reminder#top", "/курсы"])
def test_a_path_of_the_site_is_a_good_link(url: str) -> None:
    check("Привет", "Занятие ждёт", url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "trainings",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "/a b",
        "/a\n",
        " /a",
        "/{dogName}",
        "/" + "a" * 200,
    ],
)
def test_a_link_to_anywhere_else_is_refused(url: str) -> None:
    """C5"""
    assert refusal(url=url).code == "url"
