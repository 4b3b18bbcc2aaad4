"""The dashboard: the only package that imports streamlit. Pages are thin scripts in `pages/`.

Another Streamlit dashboard takes our pages in: `st.navigation([*its_own, *build_pages(prefix="re_")])`.
"""

from __future__ import annotations

from typing import Any


def build_pages(**options: Any) -> list[Any]:
    """Return our pages for another dashboard's `st.navigation`: see `navigation.build_pages`."""
    from reengagement.dashboard import navigation  # a page that is a script imports this package first

    return navigation.build_pages(**options)


__all__ = ["build_pages"]
