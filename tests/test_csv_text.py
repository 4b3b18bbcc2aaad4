"""Tables as files: what a spreadsheet gets, and what it must not compute."""

import csv
import io
from datetime import date, datetime

import pytest

from reengagement import csv_text
from reengagement.stats import Rate


def read(file, delimiter=","):
    return list(csv.reader(io.StringIO(file.decode("utf-8-sig"), newline=""), delimiter=delimiter))


def test_a_file_begins_with_the_mark_by_which_spreadsheets_tell_utf_8():
    assert csv_text.encode(["Имя"], [["Рекс"]]) == b"\xef\xbb\xbf" + "Имя\r\nРекс\r\n".encode()


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_a_text_that_would_be_a_formula_is_a_text(first):
    hostile = f'{first}HYPERLINK("http://x.test","press")'
    assert read(csv_text.encode([hostile], [[hostile]])) == [[f"'{hostile}"]] * 2


@pytest.mark.parametrize("harmless", ["Рекс", "a=b", "", "1-2", "'=x"])
def test_other_texts_stay_as_they_are(harmless):
    assert read(csv_text.encode(["x"], [[harmless, "y"]]))[1] == [harmless, "y"]


def test_numbers_keep_their_sign_rates_are_shares_and_nothing_is_empty():
    row = [-5, -0.5, Rate(1, 3), Rate(0, 0), None, datetime(2025, 3, 10, 15, 30), date(2025, 3, 10)]
    expected = ["-5", "-0.5", "0.333333", "", "", "2025-03-10 15:30:00", "2025-03-10"]
    assert read(csv_text.encode(["x"], [row]))[1] == expected


def test_where_the_decimal_mark_is_a_comma_cells_are_parted_by_semicolons():
    file = csv_text.encode(["имя", "доля"], [["Рекс, старший; младший", 0.25]], decimal=",")
    assert read(file, ";") == [["имя", "доля"], ["Рекс, старший; младший", "0,25"]]


def test_lines_come_one_by_one():
    """An export of a million rows isn't held in memory."""
    found = csv_text.lines(["n"], ([n] for n in iter(int, 1)))
    assert [next(found), next(found)] == ["\ufeffn\r\n", "0\r\n"]
