"""What stands around every page: the notices above it, so that nobody overlooks a pause."""

from __future__ import annotations

from collections.abc import Callable

from reengagement.dashboard import notices, pressing, showing


def show(page: Callable[[str], None], name: str) -> None:
    """Show the notices and, below them, the page to the admin `name`."""
    pressing.wait_for_deed()
    showing.style()
    notices.show(page.__module__.rpartition(".")[2])
    page(name)
