"""Runs: what the planner did, when, and who started it."""

from reengagement.dashboard import frame, runs
from reengagement.dashboard.gate import require_admin

frame.show(runs.show, require_admin())
