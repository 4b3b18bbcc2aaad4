"""The documentation is complete, and true where a program can tell."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path

import click
import pytest

from reengagement import metrics
from reengagement.__main__ import cli
from reengagement.rules import Rules, validate
from reengagement.settings import PREFIX, RULE_NAMES, Settings

ROOT = Path(__file__).parent.parent
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    ROOT / "SECURITY.md",
    *(ROOT / "docs").glob("*.md"),
]


def read(name: str) -> str:
    return (ROOT / name).read_text()


def documented_settings() -> dict[str, str]:
    """Return each variable of docs/settings.md and what stands in its column of defaults."""
    return dict(re.findall(r"^\| `([A-Z_]+)` \| (.*?) \|", read("docs/settings.md"), re.M))


def test_every_setting_is_documented_and_nothing_else_is() -> None:
    variables = {
        str(field.validation_alias.choices[0])
        for field in Settings.model_fields.values()
        if field.validation_alias
    }
    rules = {PREFIX + name.upper() for name in RULE_NAMES}
    assert set(documented_settings()) == variables | rules


@pytest.mark.parametrize("name", RULE_NAMES)
def test_the_default_of_a_rule_is_the_documented_one(name: str) -> None:
    written = documented_settings()[PREFIX + name.upper()].strip("`")
    assert getattr(validate({name: written}), name) == getattr(Rules(), name)


def test_every_command_is_in_the_readme_and_says_what_it_does() -> None:
    named = set(re.findall(r"`([a-z-]+)`", "".join(re.findall(r"^\| (.*?) \|", read("README.md"), re.M))))
    assert named == set(cli.commands)
    for name, command in cli.commands.items():
        assert len(command.get_short_help_str()) > 20, name
        for option in command.params:
            assert not isinstance(option, click.Option) or option.help or option.name == "sample", (
                name,
                option,
            )


def test_every_target_of_make_is_listed_by_make_help() -> None:
    makefile = read("Makefile")
    targets = set(re.findall(r"^\.PHONY: (.*)$", makefile, re.M)[0].split()) - {"help"}
    assert targets == set(re.findall(r'@echo "make ([a-z-]+)', makefile))


def test_the_readme_opens_with_the_two_commands_a_picture_and_ten_lines() -> None:
    opening, _, _ = read("README.md").partition("\n## ")
    lines = opening.splitlines()
    assert lines[2].split()[:2] == ["make", "demo"]
    assert lines[3].split()[:2] == ["make", "test"]
    assert lines[5].startswith("![")
    assert len([line for line in lines[6:] if line]) <= 10


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_file_that_a_document_links_to_exists(document: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text()):
        assert (document.parent / target).exists(), target


def test_the_procfile_and_the_readme_name_the_same_commands() -> None:
    for command in re.findall(r"^\w+: (.*)$", read("Procfile"), re.M):
        assert command in read("README.md")


def traced() -> list[tuple[str, str, str]]:
    """Return each figure of docs/figures.md with the function that makes it and the test that judges it."""
    return re.findall(r"^\| ([^|`]+) \| `([\w.]+)` \| `([\w.:]+)` \|$", read("docs/figures.md"), re.M)


def test_every_figure_can_be_traced_to_its_function_and_its_test() -> None:
    assert len(traced()) > 20
    for figure, function, test in traced():
        module, _, name = f"reengagement.{function}".rpartition(".")
        assert callable(getattr(importlib.import_module(module), name, None)), (figure, function)
        file, _, title = test.partition("::")
        assert f"def {title}(" in read(f"tests/{file}"), (figure, test)


def test_every_function_that_counts_for_a_page_is_in_the_table_of_figures() -> None:
    """A new one in `metrics` needs a line in docs/figures.md, with its test."""
    named = {function.removeprefix("metrics.") for _, function, _ in traced()}
    counting = {name for name in metrics.__all__ if inspect.isfunction(getattr(metrics, name))}
    assert counting - named == set()
