"""What reminders brought: returns that would not have been without them, and which texts do better."""

from reengagement.dashboard import frame, impact
from reengagement.dashboard.gate import require_admin

frame.show(impact.show, require_admin())
