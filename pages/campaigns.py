"""All campaigns, and the story of each."""

from reengagement.dashboard import campaigns, frame
from reengagement.dashboard.gate import require_admin

frame.show(campaigns.show, require_admin())
