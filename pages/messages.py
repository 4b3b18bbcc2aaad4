"""Messages: the library of texts, their results, and editing one."""

from reengagement.dashboard import frame, messages
from reengagement.dashboard.gate import require_admin

frame.show(messages.show, require_admin())
