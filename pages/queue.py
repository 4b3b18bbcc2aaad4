"""The queue: what waits, what failed and why, and trying again."""

from reengagement.dashboard import frame, queue
from reengagement.dashboard.gate import require_admin

frame.show(queue.show, require_admin())
