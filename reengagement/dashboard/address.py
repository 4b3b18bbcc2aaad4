"""The address at which the dashboard is reached."""

from __future__ import annotations

import streamlit as st

from reengagement.settings import Settings


def as_served(current: Settings) -> Settings:
    """Return the settings with the port that Streamlit listens on, unless REENGAGEMENT_PUBLIC_URL says."""
    if "public_url" in current.model_fields_set:
        return current
    return current.model_copy(update={"public_url": f"http://localhost:{st.get_option('server.port')}"})
