"""The words for why a push service as a whole is held back, and when its breaker opens."""

REFUSALS_IN_A_ROW = 20
"""So many 400/401/403 in a row from one origin are our fault (key, clock): its work waits, none is lost."""

REFUSED, THROTTLED, SILENT, PROBING = "refused", "throttled", "silent", "probing"
