"""The overview: how reminders do, and the button that runs the planner."""

from reengagement.dashboard import overview
from reengagement.dashboard.gate import require_admin

overview.show(require_admin())
