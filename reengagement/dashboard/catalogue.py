"""Keeps the catalogues of texts up to date: `python -m reengagement.dashboard.catalogue`.

Texts are read from the code, missing ones added to each `.po` for a person to translate, and the `.mo`
that programs read is written anew.
"""

from __future__ import annotations

from pathlib import Path

import click
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir, extract_from_file
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from reengagement.words import DOMAIN, FALLBACK, LANGUAGES, LOCALES

PACKAGE = Path(__file__).resolve().parents[1]
SOURCES = (
    PACKAGE / "dashboard",
    PACKAGE / "alerts",
    PACKAGE / "http",
    PACKAGE / "charts.py",
    PACKAGE / "naming.py",
    PACKAGE.parent / "pages",
)


HEADER = "# The texts of the dashboard. Missing ones are added by: python -m reengagement.dashboard.catalogue"


def extract() -> Catalog:
    """Return every text of the code, with where it stands."""
    found = Catalog(domain=DOMAIN)
    for source in SOURCES:
        if source.is_dir():
            for name, line, message, _comments, context in extract_from_dir(source):
                found.add(message, locations=[(f"{source.name}/{name}", line)], context=context)
        else:
            for line, message, _comments, context in extract_from_file("python", source):
                found.add(message, locations=[(source.name, line)], context=context)
    return found


def path_of(language: str, suffix: str) -> Path:
    """Return the `.po` or `.mo` of a language."""
    return LOCALES / language / "LC_MESSAGES" / f"{DOMAIN}{suffix}"


def read(language: str) -> Catalog:
    """Return the catalogue of a language as its `.po` has it; a new one where there is none."""
    path = path_of(language, ".po")
    if not path.exists():
        return Catalog(locale=language, domain=DOMAIN, header_comment=HEADER, fuzzy=False)
    with path.open("rb") as file:
        return read_po(file, locale=language, domain=DOMAIN)


def update(language: str) -> list[str]:
    """Bring the catalogue of a language up to date; return the texts that lack a translation."""
    catalogue = read(language)
    texts = extract()
    texts.creation_date = catalogue.creation_date  # or each update would differ from the last
    catalogue.update(texts, no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    path_of(language, ".po").parent.mkdir(parents=True, exist_ok=True)
    with path_of(language, ".po").open("wb") as file:
        write_po(file, catalogue, width=100, sort_by_file=True, include_lineno=False)
    with path_of(language, ".mo").open("wb") as file:
        write_mo(file, catalogue)
    return [str(message.id) for message in catalogue if message.id and not all(_forms(message.string))]


def _forms(string: object) -> list[str]:
    return list(string) if isinstance(string, list | tuple) else [str(string or "")]


@click.command()
def main() -> None:
    """Bring the catalogues up to date, and tell which texts lack a translation."""
    for language in LANGUAGES.keys() - {FALLBACK}:
        missing = update(language)
        click.echo(f"{language}: {len(missing)} without translation")
        for message in missing:
            click.echo(f"  {message}")


if __name__ == "__main__":
    main()
