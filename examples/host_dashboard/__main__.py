"""`make host-dashboard`: starts the example, on the database of the demo that is running, else on ours."""

import os
import sys
from pathlib import Path

from reengagement.demo import beside


def main() -> None:
    """Become `streamlit run dashboard.py`, on the next free port."""
    beside.take_its_environment("The dashboard of another product")
    os.environ.pop("STREAMLIT_SERVER_PORT", None)  # the demo's own page is there
    script = str(Path(__file__).with_name("dashboard.py"))
    os.execv(sys.executable, [sys.executable, "-m", "streamlit", "run", script, *sys.argv[1:]])


main()
