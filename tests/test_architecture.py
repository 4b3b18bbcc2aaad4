"""The directions in which modules know each other, and that the domain reads no clock."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OURS = {"reengagement", "tests", "bench", "examples", "tasks", "streamlit_app", "pages"}
OUTSIDE = frozenset({"reengagement.demo", "reengagement.simulate", "reengagement.embedded"})
"""Tools around the product: a sample, a simulation, a database server."""
EDGES = frozenset(
    {
        "reengagement.__main__",
        "reengagement.broker",
        "reengagement.commands",
        "reengagement.headers",
        "reengagement.http",
    }
)
"""Where the outside world comes in."""
SENDING = {
    f"reengagement.{name}" for name in ("answers", "endpoints", "errors", "payload", "vapid", "webpush")
}
"""All that sending knows: nothing of the database."""


@dataclass(frozen=True)
class Module:
    """A Python file: its dotted name, and the dotted names of what it imports."""

    name: str
    path: Path
    imports: frozenset[str]

    def knows(self, *packages: str) -> set[str]:
        """Return what it imports of the packages."""
        return {one for one in self.imports if any(_within(one, package) for package in packages)}

    def lies_in(self, *packages: str) -> bool:
        return any(_within(self.name, package) for package in packages)


def _within(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


def _imports(tree: ast.Module, package: str) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{package}: a relative import hides a direction"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@cache
def modules() -> tuple[Module, ...]:
    files = [*(ROOT / "reengagement").rglob("*.py"), *(ROOT / "pages").glob("*.py")]
    files += [ROOT / "tasks.py", ROOT / "streamlit_app.py"]
    return tuple(_module(path) for path in files)


def _module(path: Path) -> Module:
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    return Module(name, path, frozenset(_imports(ast.parse(path.read_text()), name)))


def domain() -> list[Module]:
    """Return the modules that hold rules: neither edges, nor the dashboard, nor tools around the product."""
    return [
        module
        for module in modules()
        if module.lies_in("reengagement") and not module.lies_in("reengagement.dashboard", *OUTSIDE, *EDGES)
    ]


def offenders(among: list[Module] | tuple[Module, ...], *packages: str) -> dict[str, set[str]]:
    return {module.name: found for module in among if (found := module.knows(*packages))}


def test_there_is_a_domain_to_look_at() -> None:
    names = {module.name for module in domain()}
    assert {"reengagement.planner", "reengagement.audience", "reengagement.tables"} <= names
    assert len(names) > 20


def test_the_domain_knows_neither_streamlit_nor_huey_nor_starlette() -> None:
    assert not offenders(domain(), "streamlit", "huey", "starlette", "uvicorn")


def test_what_is_imported_of_ours_is_there() -> None:
    """So a module that moved stops what still looks for it at its old place."""
    there = {module.name for module in modules()} | {"reengagement", "tests", "bench"}
    for folder in ("tests", "bench", "examples"):
        there |= {_module(path).name for path in (ROOT / folder).rglob("*.py")}
    for module in (*modules(), *(_module(path) for path in (ROOT / "tests").glob("*.py"))):
        lost = {name for name in module.knows(*OURS) if not {name, name.rpartition(".")[0]} & there}
        assert not lost, module.path


def test_only_the_dashboard_knows_streamlit() -> None:
    outside = [
        module
        for module in modules()
        if not module.lies_in("reengagement.dashboard", "pages", "streamlit_app")
    ]
    assert not offenders(outside, "streamlit")


def test_only_the_tasks_and_their_broker_know_huey() -> None:
    outside = [module for module in modules() if not module.lies_in("tasks", "reengagement.broker")]
    assert not offenders(outside, "huey", "tasks")


def test_the_domain_never_enqueues() -> None:
    assert not offenders(domain(), "reengagement.broker")


def test_only_webpush_knows_the_libraries_that_send() -> None:
    senders = ("reengagement.webpush", "reengagement.vapid", "reengagement.demo")
    outside = [module for module in modules() if not module.lies_in(*senders)]
    assert not offenders(outside, "pywebpush", "aiohttp", "py_vapid")


def test_pages_know_no_sql() -> None:
    pages = [module for module in modules() if module.lies_in("pages")]
    assert pages
    assert not offenders(pages, "sqlalchemy", "psycopg", "reengagement.tables")


@pytest.mark.parametrize(
    ("package", "allowed"),
    [
        ("reengagement.errors", set()),
        ("reengagement.stats", {"reengagement.stats"}),
        ("reengagement.settings", {"reengagement.errors"}),
        ("reengagement.tables", {"reengagement.tables"}),
        ("reengagement.host", {"reengagement.arrays", "reengagement.errors", "reengagement.host"}),
        ("reengagement.webpush", SENDING),
    ],
)
def test_what_stands_at_the_bottom_knows_nothing_above(package: str, allowed: set[str]) -> None:
    found = [module for module in modules() if module.lies_in(package)]
    assert found
    for module in found:
        ours = module.knows("reengagement")
        assert not {name for name in ours if not any(_within(name, one) for one in allowed)}, module.name


def test_the_bottom_uses_sqlalchemy_alone() -> None:
    for module in modules():
        if module.lies_in("reengagement.tables", "reengagement.host"):
            roots = {name.partition(".")[0] for name in module.imports}
            assert roots <= {"sqlalchemy", "reengagement", *sys.stdlib_module_names}, module.name


def test_charts_know_no_streamlit_and_metrics_draw_nothing() -> None:
    assert not offenders(
        [m for m in modules() if m.lies_in("reengagement.charts")], "streamlit", "sqlalchemy"
    )
    assert not offenders([m for m in modules() if m.lies_in("reengagement.metrics")], "plotly", "pandas")


def test_the_product_does_not_know_the_tools_around_it() -> None:
    entries = ("reengagement.__main__", "reengagement.commands", "reengagement.database")
    outside = [module for module in modules() if not module.lies_in(*OUTSIDE, *entries)]
    assert not offenders(outside, *OUTSIDE)


CLOCKS = re.compile(
    r"datetime\.(now|utcnow|today)\(|date\.today\(|time\.(time|time_ns|localtime|gmtime)\(|CURRENT_TIMESTAMP|\bnow\(\)"
)


def test_the_domain_reads_no_clock() -> None:
    """`now` is an argument; at the edge it comes from PostgreSQL, in `database.clock` alone.

    `webpush` may: a signature for a push service expires by the real time, not by a simulated one.
    """
    found = {
        module.name: match.group()
        for module in domain()
        if not module.lies_in("reengagement.webpush", "reengagement.vapid")
        and (match := CLOCKS.search(module.path.read_text()))
    }
    assert not found


def _requirements() -> set[str]:
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    return {line for line in lines if line and not line.startswith("#")}


def _plain(requirement: str) -> str:
    return re.split(r"[\[=]", requirement)[0].lower().replace("_", "-")


def test_every_requirement_is_pinned_exactly() -> None:
    assert {line for line in _requirements() if not re.fullmatch(r"[\w.-]+(\[\w+\])?==[\w.]+", line)} == set()


def test_neither_list_names_torch() -> None:
    for file in ("requirements.txt", "constraints.txt"):
        assert "torch" not in (ROOT / file).read_text()


def test_every_requirement_has_its_reason_in_the_documentation() -> None:
    reasons = re.findall(r"^\| `([\w.-]+)` \|", (ROOT / "docs" / "dependencies.md").read_text(), re.M)
    assert sorted(reasons) == sorted(_plain(line) for line in _requirements())


def test_every_library_that_is_imported_is_a_requirement() -> None:
    files = [
        *modules(),
        *(_module(path) for folder in ("tests", "bench") for path in (ROOT / folder).rglob("*.py")),
    ]
    roots = {name.partition(".")[0] for module in files for name in module.imports}
    foreign = roots - set(sys.stdlib_module_names) - OURS
    provided = packages_distributions()
    named = {_plain(line) for line in _requirements()}
    unnamed = {root for root in foreign if not {_plain(one) for one in provided.get(root, [])} & named}
    assert not unnamed


def test_files_and_functions_stay_small() -> None:
    """At most 400 lines a file (style: such a file is a question), 50 a function."""
    for module in modules():
        text = module.path.read_text()
        assert text.count("\n") < 400, module.path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert (node.end_lineno or 0) - node.lineno < 50, f"{module.path}: {node.name}"


def test_the_package_promises_the_python_that_the_tools_check_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    oldest = project["project"]["requires-python"].removeprefix(">=")
    assert project["tool"]["mypy"]["python_version"] == oldest
    assert project["tool"]["ruff"]["target-version"] == "py" + oldest.replace(".", "")
