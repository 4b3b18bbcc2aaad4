"""Settings: the rules in force, where each comes from, and what a change would do."""

from reengagement.dashboard import frame, rules
from reengagement.dashboard.gate import require_admin

frame.show(rules.show, require_admin())
