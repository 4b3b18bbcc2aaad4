"""Rows that go to PostgreSQL as one array a column, whatever their number: one statement, one plan."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ARRAY, Column, FromClause, func, literal


def rows_of(name: str, **columns: tuple[Any, Sequence[Any]]) -> FromClause:
    """Return `name` with these columns, each given as `(type, values)`; all have equally many values.

    One parameter a column: a parameter a value makes the statement longer than the work (at 500 rows
    compiling took more than executing).
    """
    arrays = (literal(list(values), ARRAY(type_)) for type_, values in columns.values())
    named = (Column(label, type_) for label, (type_, _) in columns.items())
    return func.unnest(*arrays).table_valued(*named, name=name).render_derived()
