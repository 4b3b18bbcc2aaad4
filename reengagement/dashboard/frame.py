"""What stands around every page: the notices above it, so that nobody overlooks a pause."""

from __future__ import annotations

from collections.abc import Callable

from reengagement.dashboard import filters, handing_over, notices, pressing, showing


def show(page: Callable[[str], None], name: str) -> None:
    """Show the notices and, below them, the page to the admin `name`."""
    here = page.__module__.rpartition(".")[2]
    pressing.wait_for_deed()
    filters.catch_up(here)
    showing.style()
    notices.show(here)
    try:
        page(name)
    finally:
        handing_over.wait()
