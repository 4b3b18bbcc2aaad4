"""The overview: how reminders do, and the button that runs the planner."""

from reengagement.dashboard import frame, overview
from reengagement.dashboard.gate import require_admin

frame.show(overview.show, require_admin())
