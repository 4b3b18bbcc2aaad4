"""Arrays as PostgreSQL reads them."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import BigInteger, LargeBinary, Text, select

from reengagement.arrays import any_of, rows_of
from reengagement.tables import Time

TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
TIMES = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1)).map(
    lambda moment: moment - timedelta(microseconds=moment.microsecond % 1000)
)
ROWS = st.lists(
    st.tuples(
        st.none() | TEXTS,
        st.none() | st.integers(-(2**63), 2**63 - 1),
        st.none() | TIMES,
        st.none() | st.binary(),
    )
)


@hypothesis_settings(
    max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(rows=ROWS)
def test_what_goes_in_comes_out(connection, rows):
    names, numbers, times, blobs = (
        [list(column) for column in zip(*rows, strict=True)] if rows else ([], [], [], [])
    )
    table = rows_of(
        "given",
        name=(Text, names),
        number=(BigInteger, numbers),
        at=(Time(), times),
        blob=(LargeBinary, blobs),
    )
    assert list(map(tuple, connection.execute(select(table)))) == rows


def test_any_of_finds_what_is_among_them(connection):
    table = rows_of("given", name=(Text, ["a", 'b"', "c\\", "{d}", "NULL", "e,f"]))
    found = connection.execute(
        select(table.c.name).where(table.c.name == any_of(Text, ['b"', "NULL", "e,f", "x"]))
    )
    assert sorted(found.scalars()) == ["NULL", 'b"', "e,f"]
