"""The alerts: what is amiss, what was, and who is told."""

from reengagement.dashboard import alerts, frame
from reengagement.dashboard.gate import require_admin

frame.show(alerts.show, require_admin())
