"""Why one user gets a reminder, or none: rule by rule."""

from reengagement.dashboard import frame, why
from reengagement.dashboard.gate import require_admin

frame.show(why.show, require_admin())
