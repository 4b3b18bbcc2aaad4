"""What a run would send today, tomorrow or on any day."""

from reengagement.dashboard import frame, tomorrow
from reengagement.dashboard.gate import require_admin

frame.show(tomorrow.show, require_admin())
