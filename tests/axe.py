"""axe-core in a page: what keeps people with disabilities out of it.

`python -m tests.axe` fetches it with npm. Without npm, tests that need it are skipped and say so; in CI they
fail.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest
from playwright.sync_api import Page

FOLDER = Path(__file__).parent / "node"
SCRIPT = FOLDER / "node_modules" / "axe-core" / "axe.min.js"
GRAVE = ("serious", "critical")
STREAMLITS = ("[data-testid=stSidebarNav]", "[data-testid=stMetricChart]")
"""What Streamlit itself brings: the lists of its menu hold what lists may not (`list`, `listitem`), and the
line in a metric is a picture without a text (`svg-img-alt`)."""

RUN = "async (exclude) => (await axe.run({ exclude })).violations"


def install() -> bool:
    """Fetch axe-core unless it is there; tell whether it is there now."""
    if not SCRIPT.exists() and shutil.which("npm"):
        command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--no-package-lock"]
        subprocess.run(command, cwd=FOLDER, check=False)
    return SCRIPT.exists()


def require() -> None:
    """Skip the test aloud where there is no axe-core, or fail it in CI."""
    if SCRIPT.exists():
        return
    complaint = "axe-core is missing: install npm, then `make test`."
    if os.environ.get("CI"):
        pytest.fail(complaint)
    pytest.skip(complaint)


def violations(page: Page) -> dict[str, list[str]]:
    """Return what is grave on the page: the rule, and the elements that break it."""
    page.evaluate(SCRIPT.read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = page.evaluate(RUN, [[each] for each in STREAMLITS])
    return {
        one["id"]: [node["html"][:160] for node in one["nodes"]] for one in found if one["impact"] in GRAVE
    }


if __name__ == "__main__":
    click.echo(f"axe-core for the tests: {'there' if install() else 'none; tests that need it are skipped'}")
