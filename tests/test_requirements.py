"""Every requirement has a test that names it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent

BUILT = [
    *("A1", "A2", "A3", "A4", "A5"),
    *("B1", "B2", "B3", "B4", "B5", "B6"),
    *("C1", "C2", "C3", "C4", "C5"),
    *("D1", "D2", "D3", "D4", "D5"),
    *("E1", "E2", "E3"),
    *("F1", "F2", "F3", "F4", "F5", "F6", "F7"),
    "G1",
]
"""All of them."""


def named(requirement: str) -> list[str]:
    """Return the tests that name a requirement, in their own name or their docstring."""
    inside_name = re.compile(rf"def (test_(?:\w+_)?{requirement.lower()}_\w+)")
    docstring = re.compile(rf'def (test_\w+)\([^)]*\)[^:]*:\s+"""[^"]*\b{requirement}\b')
    texts = [path.read_text() for path in HERE.glob("test_*.py") if path != Path(__file__)]
    ranges = [text.replace("A1-A5", "A1 A2 A3 A4 A5").replace("B1-B5", "B1 B2 B3 B4 B5") for text in texts]
    return [each for text in ranges for pattern in (inside_name, docstring) for each in pattern.findall(text)]


@pytest.mark.parametrize("requirement", BUILT)
def test_every_requirement_that_is_built_has_a_test_that_names_it(requirement: str):
    assert named(requirement)
