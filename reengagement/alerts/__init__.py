"""Alerts (F6): what is amiss, shown on every page at once, and told to people once it is certain.

    reading ─► Signs ─► conditions ─► ledger (opened, closed) ─► sentences ─► telling

`conditions` is pure; a page shows what it finds now, `look_after` keeps the rows and tells.
"""

from reengagement.alerts.conditions import Condition, Rates, Signs, amiss
from reengagement.alerts.ledger import Alert, history, open_alerts
from reengagement.alerts.looking import look, look_after, message, send_test, tell
from reengagement.alerts.reading import rates, signs
from reengagement.alerts.sentences import PAGES, Sentences, query, say
from reengagement.alerts.telling import UNKNOWN, Attempt, Receiver, receivers

__all__ = [
    "PAGES",
    "UNKNOWN",
    "Alert",
    "Attempt",
    "Condition",
    "Rates",
    "Receiver",
    "Sentences",
    "Signs",
    "amiss",
    "history",
    "look",
    "look_after",
    "message",
    "open_alerts",
    "query",
    "rates",
    "receivers",
    "say",
    "send_test",
    "signs",
    "tell",
]
