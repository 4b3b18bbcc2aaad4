"""Values that go to PostgreSQL as arrays: one parameter a column, whatever the number of rows.

The arrays are written here, as PostgreSQL's text form of them: a parameter a value makes a statement
longer than its work, and psycopg's own dumper looks at each value with a pattern (a fifth of a drain).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, Column, ColumnElement, FromClause, Text, cast, func, literal


def rows_of(name: str, /, **columns: tuple[Any, Sequence[Any]]) -> FromClause:
    """Return `name` with these columns, each given as `(type, values)`; all have equally many values."""
    arrays = (array_of(type_, values) for type_, values in columns.values())
    named = (Column(label, type_) for label, (type_, _) in columns.items())
    return func.unnest(*arrays).table_valued(*named, name=name).render_derived()


def any_of(type_: Any, values: Iterable[Any]) -> ColumnElement[Any]:
    """Return ANY over the values, to be compared with."""
    return func.any(array_of(type_, values))


def array_of(type_: Any, values: Iterable[Any]) -> ColumnElement[Any]:
    """Return the values, texts, numbers, times, bytes or None, as one array parameter."""
    return cast(literal(_written(list(values)), Text), ARRAY(type_))


def _written(values: list[Any]) -> str:
    """Return PostgreSQL's text form of an array; one look at plain texts and numbers together is enough."""
    kinds = set(map(type, values))
    if kinds == {int}:
        return "{" + ",".join(map(str, values)) + "}"
    if kinds == {str} and '"' not in (plain := "".join(values)) and "\\" not in plain:
        return '{"' + '","'.join(values) + '"}'
    return "{" + ",".join(map(_element, values)) + "}"


def _element(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, datetime):
        return f'"{value.isoformat()}"'
    if isinstance(value, bytes):
        return f'"\\\\x{value.hex()}"'
    return str(value)
