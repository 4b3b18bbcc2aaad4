"""The audit trail: who did what."""

from reengagement.dashboard import audit, frame
from reengagement.dashboard.gate import require_admin

frame.show(audit.show, require_admin())
